import MeshModel

extension LanguageTable {
    static let linkKeys: [LanguageKey] = [
        .init(
            "dial",
            .scalar(.dial),
            usual: "required, unless `carry`",
            example: "hq -> dmz",
            "who dials whom; two ranges are linked one by one"
        ),
        .init(
            "speed",
            .scalar(.speed),
            usual: "not known",
            example: "33.6 kbit/s",
            "how fast the line is, to plan with"
        ),
        .init(
            "keepalive",
            .scalar(.keepalive),
            usual: "60 s; `off` up to 1 Mbit/s",
            example: "5 min",
            "after how long a silence the node that dialled asks whether the other still lives"
        ),
        .init(
            "prefer",
            .scalar(
                .integer(
                    1...10_000,
                    "Ways with the least sum over their links come first; 100 is usual."
                )
            ),
            usual: "100",
            example: "50",
            "what a way over the link costs; ways with the least sum come first"
        ),
        .init(
            "limit",
            .scalar(.speed),
            example: "10 Mbit/s",
            "the most that we use of the line",
            .later
        ),
        .init("tariff", .scalar(.tariff), example: "0.10 EUR/MiB", "what the line costs", .later),
        .init(
            "open",
            .scalars(.window),
            usual: "always",
            example: "\"Mon-Fri 19:00-06:00 Europe/Oslo\"",
            "when the line may be used",
            .later
        ),
        .init(
            "stay",
            .scalar(.duration(1...366 * 86_400)),
            usual: "as long as the line holds",
            example: "2 h",
            "how long a call lasts at most",
            .later
        ),
        .init(
            "at-most",
            .scalar(.budget),
            example: "500 MiB/day",
            "how much may go over the line in a time",
            .later
        ),
        .init(
            "up",
            .scalar(.word("a command")),
            example: "ppp-up",
            "the command of the site that brings the line up",
            .later
        ),
        .init(
            "down",
            .scalar(.word("a command")),
            example: "ppp-down",
            "the command of the site that takes the line down",
            .later
        ),
        .init(
            "through",
            .scalar(.address(["http", "https", "socks5"])),
            example: "\"http://proxy:3128\"",
            "the proxy to dial through",
            .later
        ),
        .init(
            "carry",
            .scalar(.carry),
            example: "\"buoy-{1..40} .. hq\"",
            "nodes between which a courier goes, in place of `dial`",
            .later
        ),
        .init(
            "by",
            .scalar(
                .choice(
                    "by",
                    ["usb", "directory", "ftp", "sftp", "s3", "webdav", "mail"].map { .works($0) }
                )
            ),
            example: "usb",
            "what carries",
            .later
        ),
    ]

    static let siteKeys: [LanguageKey] = [
        .init(
            "sources",
            .list(.scalar(.path("a root"))),
            example: "[/data]",
            "directories beneath which files may be read"
        ),
        .init(
            "landings",
            .list(.scalar(.path("a root"))),
            example: "[/srv/incoming]",
            "directories beneath which files may be written"
        ),
        .init(
            "spool",
            .scalar(.size(of: "a spool", min: ByteCount(Limits.spoolBytesMin))),
            usual: "no ceiling",
            example: "64 GiB",
            "the most disk that the spool may take"
        ),
    ]
}
