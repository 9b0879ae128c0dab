// swift-tools-version: 6.3
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),  // An existential has a cost; spell it.
    .enableUpcomingFeature("InternalImportsByDefault"),  // `public import` marks our API surface.
    .enableUpcomingFeature("MemberImportVisibility"),  // Import what you use.
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // Async stays with its caller.
]

extension Target.Dependency {
    static let argumentParser: Self = .product(
        name: "ArgumentParser",
        package: "swift-argument-parser"
    )
    static let asn1: Self = .product(name: "SwiftASN1", package: "swift-asn1")
    static let crypto: Self = .product(name: "Crypto", package: "swift-crypto")
    static let cryptoExtras: Self = .product(name: "CryptoExtras", package: "swift-crypto")
    static let grdb: Self = .product(name: "GRDB", package: "GRDB.swift")
    static let sqlite: Self = .product(name: "GRDBSQLite", package: "GRDB.swift")
    static let logging: Self = .product(name: "Logging", package: "swift-log")
    static let nioCore: Self = .product(name: "NIOCore", package: "swift-nio")
    static let nioPosix: Self = .product(name: "NIOPosix", package: "swift-nio")
    static let nioSSL: Self = .product(name: "NIOSSL", package: "swift-nio-ssl")
    static let nioTLS: Self = .product(name: "NIOTLS", package: "swift-nio")
    static let protobuf: Self = .product(name: "SwiftProtobuf", package: "swift-protobuf")
    static let lifecycle: Self = .product(
        name: "ServiceLifecycle",
        package: "swift-service-lifecycle"
    )
    static let unixSignals: Self = .product(
        name: "UnixSignals",
        package: "swift-service-lifecycle"
    )
    static let x509: Self = .product(name: "X509", package: "swift-certificates")
    static let yams: Self = .product(name: "Yams", package: "Yams")
}

extension Target {
    /// A library target.
    ///
    /// Targets are listed lowest layer first; `on` may name only earlier ones.
    static func layer(_ name: String, on lower: [String] = [], uses: [Dependency] = []) -> Target {
        .target(
            name: name,
            dependencies: lower.map { .target(name: $0) } + uses,
            exclude: Self.schemas[name] ?? [],
            swiftSettings: settings
        )
    }

    /// The protobuf schemas that `make proto` generates code from, beside that code.
    static let schemas: [String: [String]] = [
        "MeshIdentity": ["keys.proto", "statement.proto"],
        "MeshProtocol": ["parcel.proto", "session.proto"],
        "MeshSpool": ["record.proto"],
        "MeshTopology": ["index.proto"],
    ]

    static func tests(
        for name: String,
        on others: [String] = [],
        uses: [Dependency] = []
    ) -> Target {
        .testTarget(
            name: "\(name)Tests",
            dependencies: ([name, "MeshTesting"] + others).map { .target(name: $0) } + uses,
            swiftSettings: settings
        )
    }
}

let package = Package(
    name: "tributary",
    products: [
        .executable(name: "tributary", targets: ["tributary"]),
        // Each with the vocabulary that it speaks.
        .library(name: "MeshContent", targets: ["MeshContent", "MeshModel"]),
        .library(name: "MeshSpool", targets: ["MeshSpool", "MeshModel"]),
        .library(name: "MeshTopology", targets: ["MeshTopology"]),
        .library(name: "MeshNode", targets: ["MeshNode"]),
        .library(name: "MeshTesting", targets: ["MeshTesting"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle.git",
            from: "2.13.0"
        ),
    ],
    targets: [
        // Lowest layer first.
        .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CMalloc"),  // The allocator's settings, which Glibc's module lacks.
        .systemLibrary(name: "CSqlite", providers: [.apt(["libsqlite3-dev"])]),  // Its settings.
        .target(name: "CCrc32c"),  // The checksum of the log's records.
        .layer("MeshModel", uses: [.crypto]),  // The vocabulary: ids, counts, times, bounds.
        .layer(  // Keys, certificates, statements and their Merkle batches.
            "MeshIdentity",
            on: ["MeshModel"],
            uses: [.crypto, .cryptoExtras, .x509, .asn1, .protobuf]
        ),
        .layer(  // Topology files, views, the public index, routes. Pure.
            "MeshTopology",
            on: ["MeshModel", "MeshIdentity"],
            uses: [.yams, .protobuf, .crypto]
        ),
        .layer(  // Pieces, blobs, entries, compression. Pure.
            "MeshContent",
            on: ["MeshModel", "CZstd", "CCrc32c"],
            uses: [.crypto]
        ),
        .layer("MeshPolicy", on: ["MeshModel", "MeshTopology"]),  // (state, now) → decision. Pure.
        .layer(  // Openings, frames, messages and the session machine. No I/O.
            "MeshProtocol",
            on: ["MeshModel", "MeshIdentity", "MeshContent"],
            uses: [.crypto, .protobuf]
        ),
        .layer(  // The log, its index, snapshots: what a node may not lose.
            "MeshSpool",
            on: ["MeshModel", "MeshIdentity", "MeshContent", "MeshProtocol", "CSqlite"],
            uses: [.grdb, .sqlite, .protobuf, .crypto]
        ),
        .layer(  // Sources (scan, capture) and landings.
            "MeshFiles",
            on: ["MeshModel", "MeshContent"]
        ),
        .layer(  // The engine: admission, offers, custody, routing, outbox.
            "MeshCustody",
            on: [
                "MeshModel", "MeshIdentity", "MeshTopology", "MeshContent", "MeshPolicy",
                "MeshProtocol", "MeshSpool", "MeshFiles",
            ],
            uses: [.crypto, .logging]
        ),
        .layer(  // Byte streams that drive sessions: mutual TLS over TCP, pipes.
            "MeshLinks",
            on: ["MeshModel", "MeshIdentity", "MeshContent", "MeshProtocol"],
            uses: [.nioCore, .nioPosix, .nioSSL, .nioTLS, .logging]
        ),
        .layer(  // The daemon: composes services, control socket, home, start and stop.
            "MeshNode",
            on: [
                "MeshModel", "MeshIdentity", "MeshTopology", "MeshContent", "MeshPolicy",
                "MeshProtocol", "MeshSpool", "MeshFiles", "MeshCustody", "MeshLinks", "CMalloc",
            ],
            uses: [.lifecycle, .logging, .nioCore, .nioPosix, .unixSignals]
        ),
        .layer(  // One command a file.
            "MeshCommands",
            on: [
                "MeshModel", "MeshIdentity", "MeshTopology", "MeshContent", "MeshCustody",
                "MeshNode",
            ],
            uses: [.argumentParser, .logging]
        ),
        .executableTarget(
            name: "tributary",
            dependencies: ["MeshCommands"],
            swiftSettings: settings
        ),
        .layer(  // Clocks, disks, in-process meshes for tests of ours and of others.
            "MeshTesting",
            on: [
                "MeshModel", "MeshIdentity", "MeshTopology", "MeshContent", "MeshProtocol",
                "MeshSpool", "MeshFiles", "MeshCustody", "MeshLinks",
            ],
            uses: [.logging, .nioCore, .nioPosix]
        ),
        .tests(for: "MeshModel"),
        .tests(for: "MeshIdentity", on: ["MeshModel"], uses: [.crypto, .protobuf]),
        .tests(for: "MeshPolicy", on: ["MeshModel", "MeshTopology"]),
        .tests(for: "MeshTopology", on: ["MeshModel", "MeshIdentity"]),
        .tests(for: "MeshContent", on: ["MeshModel", "CCrc32c"], uses: [.crypto]),
        .tests(for: "MeshProtocol", on: ["MeshModel", "MeshIdentity", "MeshContent"]),
        .tests(
            for: "MeshSpool",
            on: ["MeshModel", "MeshIdentity", "MeshContent", "MeshProtocol"]
        ),
        .tests(for: "MeshFiles", on: ["MeshModel", "MeshContent"]),
        .tests(
            for: "MeshCustody",
            on: [
                "MeshModel", "MeshIdentity", "MeshTopology", "MeshContent", "MeshProtocol",
                "MeshSpool", "MeshFiles",
            ],
            uses: [.protobuf]
        ),
        .tests(
            for: "MeshLinks",
            on: ["MeshModel", "MeshIdentity", "MeshContent", "MeshProtocol"],
            uses: [.nioCore, .nioPosix, .nioSSL]
        ),
        .tests(
            for: "MeshNode",
            on: [
                "MeshModel", "MeshIdentity", "MeshTopology", "MeshProtocol", "MeshCustody",
                "MeshLinks",
            ],
            uses: [.lifecycle, .logging]
        ),
        .tests(
            for: "MeshCommands",
            on: [
                "MeshModel", "MeshIdentity", "MeshTopology", "MeshContent", "MeshPolicy",
                "MeshProtocol", "MeshSpool", "MeshFiles", "MeshCustody", "MeshLinks", "MeshNode",
            ],
            uses: [.argumentParser]
        ),
        .executableTarget(  // What `make guard` counts the instructions of.
            name: "HotLoops",
            dependencies: [
                "MeshModel", "MeshIdentity", "MeshContent", "MeshProtocol", "MeshSpool",
            ],
            path: "Tests/HotLoops",
            swiftSettings: settings
        ),
        .testTarget(name: "TidyTests", swiftSettings: settings),
        .testTarget(  // Real daemons, real files, real kills.
            name: "IntegrationTests",
            dependencies: [
                "tributary", "MeshCustody", "MeshIdentity", "MeshModel", "MeshNode", "MeshTopology",
            ],
            swiftSettings: settings
        ),
    ],
    swiftLanguageModes: [.v6]
)
