import MeshNode

/// What a command could not do, ready for people.
struct CommandFailure: Error, CustomStringConvertible {
    /// A stable name.
    let code: String
    /// What happened.
    let message: String
    /// What to do now.
    let hint: String?

    init(code: String, message: String, hint: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// Takes over an error of any module.
    init(wording error: any Error) {
        if let error = error as? Self {
            self = error
        } else {
            let worded = ControlError(wording: error)
            self.init(code: worded.code, message: worded.message, hint: worded.hint)
        }
    }

    /// The exit status that belongs to the code.
    var status: CommandStatus { CommandStatus(code: self.code) }

    /// Message and code on one line, what to do on the next.
    var description: String {
        let isKnown = CodeText.all.contains { $0.code == self.code }
        let hint = self.hint ?? (isKnown ? "`tributary explain \(self.code)` says more." : nil)
        return "tributary: \(self.message) [\(self.code)]" + (hint.map { "\n  \($0)" } ?? "")
    }
}
