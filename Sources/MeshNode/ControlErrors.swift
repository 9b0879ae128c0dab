package import MeshIdentity
package import MeshLinks
package import MeshSpool
package import MeshTopology

// Each module's errors, in the socket's words.

extension IdentityError: ControlErrorConvertible {
    /// The same failure in the socket's words.
    package var controlError: ControlError {
        ControlError(
            code: self.code.name,
            message: self.message,
            hint: self.hint,
            cause: self.cause
        )
    }
}

extension TopologyError: ControlErrorConvertible {
    /// The same failure in the socket's words.
    package var controlError: ControlError {
        ControlError(
            code: self.code.name,
            message: self.message,
            hint: self.hint,
            cause: self.cause
        )
    }
}

extension TopologyFindings: ControlErrorConvertible {
    /// All findings as one failure, which has the code of the first error.
    package var controlError: ControlError {
        let first = self.findings.first { $0.severity == .error }
        return ControlError(
            code: first?.code.name ?? "failed",
            message: self.findings.map { "\($0.file):\($0.line): \($0.message)" }
                .joined(separator: " "),
            hint: first?.hint
        )
    }
}

extension NodeError: ControlErrorConvertible {
    /// The same failure in the socket's words.
    package var controlError: ControlError {
        ControlError(
            code: self.code.name,
            message: self.message,
            hint: self.hint,
            cause: self.cause
        )
    }
}

extension SpoolError: ControlErrorConvertible {
    /// The same failure in the socket's words.
    package var controlError: ControlError {
        ControlError(
            code: self.code.rawValue,
            message: self.message,
            hint: self.hint,
            cause: self.cause
        )
    }
}

extension LinkError: ControlErrorConvertible {
    /// The same failure in the socket's words.
    package var controlError: ControlError {
        ControlError(
            code: self.code.rawValue,
            message: self.message,
            hint: self.hint,
            cause: self.cause
        )
    }
}
