// swift-tools-version: 6.3
import PackageDescription

// Another program on two of Tributary's products, as somebody else would write it.
let package = Package(
    name: "recombine",
    dependencies: [.package(name: "tributary", path: "../..")],
    targets: [
        .executableTarget(
            name: "Recombine",
            dependencies: [
                .product(name: "MeshContent", package: "tributary"),
                .product(name: "MeshSpool", package: "tributary"),
            ]
        )
    ]
)
