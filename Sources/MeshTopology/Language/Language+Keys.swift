import MeshModel

extension LanguageTable {
    static let topologyKeys: [LanguageKey] = [
        .init(
            "mesh",
            .scalar(.word("a mesh")),
            usual: "required",
            example: "coastwatch",
            "the name of the mesh; included files leave it out, or say the same"
        ),
        .init(
            "include",
            .scalars(.file),
            example: "[north.yaml, south.yaml]",
            "further files of this topology, relative to this one"
        ),
        .init(
            "flows",
            .named("a flow", .table(.flow)),
            usual: "those that nodes send and receive",
            example: "{sonar: {first: newest}}",
            "policies of flows; a flow without any need not be named"
        ),
        .init(
            "kinds",
            .named("a kind", .table(.node)),
            example: "{buoy: {sends: {sonar: /data/sonar}}}",
            "what nodes have in common; the same keys as a node"
        ),
        .init(
            "nodes",
            .named("a node", .table(.node)),
            usual: "required",
            example: "{\"buoy-{1..40}\": {like: buoy}}",
            "the nodes, by name; a name may hold ranges"
        ),
        .init(
            "links",
            .list(.either(.dial, .table(.link))),
            example: "[hq -> dmz]",
            "the links; the arrow says who dials, data goes both ways"
        ),
    ]

    static let flowKeys: [LanguageKey] = [
        .init(
            "first",
            .scalar(.choice("first", FileOrder.allCases.map { .works($0.rawValue) })),
            usual: "`oldest`",
            example: "newest",
            "which file goes first when several wait, at every hop"
        ),
        .init(
            "backlog",
            .scalar(.choice("backlog", Backlog.allCases.map { .works($0.rawValue) })),
            usual: "`first`",
            example: "last",
            "whether files that were there when the source was first seen go in their place or "
                + "after those that came since"
        ),
        .init(
            "done-when",
            .scalar(.doneWhen),
            usual: "`renamed`",
            example: "quiet 30 s",
            "when a file is complete: renamed into place, handed over by command, with a marker "
                + "file beside it, or unchanged and open nowhere for so long"
        ),
        .init(
            "versions",
            .scalar(.choice("versions", Versions.allCases.map { .works($0.rawValue) })),
            usual: "`all`",
            example: "latest",
            "whether a newer version of a path supersedes older ones that are still on their way"
        ),
        .init(
            "class",
            .scalar(.choice("class", FlowClass.allCases.map { .works($0.rawValue) })),
            usual: "`usual`",
            example: "urgent",
            "how urgent it is; what is urgent overtakes even inside a large file"
        ),
        .init(
            "largest",
            .scalar(.size(of: "a largest file", min: .kibibytes(1))),
            example: "8 GiB",
            "the longest file that it takes"
        ),
        .init(
            "profile",
            .scalar(
                .integer(
                    1...3,
                    "`1` is the usual one, `2` is for lines slower than 1 Mbit/s, `3` for large "
                        + "files on fast lines."
                )
            ),
            usual: "1",
            example: "2",
            "how files are cut: 1 around 280 KiB, 2 around 36 KiB for thin lines, 3 around 600 KiB for "
                + "large files on fast lines"
        ),
        .init(
            "digest",
            .scalar(.choice("digest", DigestAlgorithm.allCases.map { .works($0.rawValue) })),
            usual: "`sha-256`",
            example: "tree",
            "what a file is compared with when it lands: SHA-256 of its bytes, or, without a "
                + "second pass at either end, of the digests of its pieces"
        ),
        .init(
            "again",
            .scalar(.choice("again", [.works("replace"), .later("version"), .later("refuse")])),
            usual: "`replace`",
            example: "replace",
            "what a newer version of a landed file does; only `replace` works yet"
        ),
        .init(
            "release",
            .scalar(.choice("release", [.works("landed"), .works("secured")])),
            example: "secured",
            "when sources may delete or move a file: it has landed, or an archive confirmed it",
            .later
        ),
        .init(
            "seal",
            .scalar(.bool),
            usual: "`false`",
            example: "true",
            "whether only the collector can read it",
            .later
        ),
        .init(
            "expect",
            .table(.expect),
            example: "{every: 1 h, late: 3 h}",
            "when it is news that nothing came",
            .later
        ),
    ]

    static let expectKeys: [LanguageKey] = [
        .init(
            "every",
            .scalar(.duration(1...366 * 86_400)),
            usual: "required",
            example: "1 h",
            "how often each origin has a new file",
            .later
        ),
        .init(
            "late",
            .scalar(.duration(1...366 * 86_400)),
            usual: "as `every`",
            example: "3 h",
            "after how long without one to warn",
            .later
        ),
    ]

    static let nodeKeys: [LanguageKey] = [
        .init(
            "like",
            .scalar(.word("a kind")),
            example: "buoy",
            "the kind whose keys hold where this one says nothing; a key that is there replaces "
                + "the kind's as a whole"
        ),
        .init(
            "sends",
            .named("a flow", .either(.path("a source"), .table(.source))),
            example: "{sonar: /data/sonar}",
            "the directory of each flow that it sends; a relative path counts from the node's home"
        ),
        .init(
            "fetches",
            .named("a flow", .table(.fetch)),
            example: "{tide: {from: \"sftp://gauge@tide.lan/out\", every: 10 min}}",
            "flows that it fetches from machines without a node",
            .later
        ),
        .init(
            "listens",
            .scalar(.endpoint),
            usual: "only dials",
            example: "\"dmz.example.org:7443\"",
            "where others dial it; `{node}` stands for its name"
        ),
        .init(
            "receives",
            .either(
                .path("a landing"),
                .named("a flow", .either(.path("a landing"), .table(.landing)))
            ),
            example: "/srv/incoming",
            "where flows land, as `{origin}/{flow}/{path}`: one path for all that no other node "
                + "names, or one for each flow"
        ),
        .init(
            "spool",
            .scalar(.size(of: "a spool", min: ByteCount(Limits.spoolBytesMin))),
            usual: "10 GiB",
            example: "64 GiB",
            "the most disk that its spool takes"
        ),
        .init(
            "cache",
            .scalar(.share),
            usual: "25 %",
            example: "2 GiB",
            "how much of the spool bytes may keep that are no longer needed, to spare sending "
                + "them again"
        ),
        .init(
            "quota",
            .table(.quota),
            example: "{origin: 40 %, neighbour: 8 GiB}",
            "the most that the spool holds for others"
        ),
        .init(
            "run",
            .table(.run),
            example: "{cpu: 25 %}",
            "how much of the machine it may use",
            .later
        ),
        .init(
            "at-rest",
            .scalar(.choice("at-rest", [.works("any"), .works("sealed-only")])),
            usual: "`any`",
            example: "sealed-only",
            "what its spool may hold",
            .later
        ),
        .init(
            "owner",
            .scalar(.owner),
            usual: "the daemon",
            example: "\"data:data\"",
            "whose landed files are",
            .later
        ),
        .init(
            "mode",
            .scalar(.mode),
            usual: "as at the origin",
            example: "\"0640\"",
            "the permission bits of landed files",
            .later
        ),
        .init(
            "on-landed",
            .scalar(.word("a command")),
            example: "ingest",
            "the command of the site to run when a file has landed",
            .later
        ),
    ]

    static let sourceKeys: [LanguageKey] = [
        .init(
            "path",
            .scalar(.path("a source")),
            usual: "required",
            example: "/data/sonar",
            "the directory"
        ),
        .init(
            "copy",
            .scalar(.bool),
            usual: "`true`",
            example: "false",
            "whether files longer than 60 KiB are copied into the spool when they are captured; if "
                + "not, they are read from the directory until a neighbour has custody, and one that "
                + "is changed or removed before is not delivered"
        ),
        .init(
            "include",
            .scalars(.pattern),
            usual: "all files",
            example: "[\"*.wav\"]",
            "patterns of the paths that are sent",
            .later
        ),
        .init(
            "then",
            .scalar(.then),
            usual: "`keep`",
            example: "keep",
            "what becomes of a file that was released; only `keep` works yet"
        ),
    ]

    static let fetchKeys: [LanguageKey] = [
        .init(
            "from",
            .scalar(.address(["sftp", "ftp", "ftps", "https", "http", "s3"])),
            usual: "required",
            example: "\"sftp://gauge@tide.lan/out\"",
            "where the files are",
            .later
        ),
        .init(
            "every",
            .scalar(.duration(1...366 * 86_400)),
            usual: "10 min",
            example: "10 min",
            "how often to look",
            .later
        ),
        .init(
            "then",
            .scalar(.then),
            usual: "`keep`",
            example: "keep",
            "what becomes of a file that was released",
            .later
        ),
    ]

    static let landingKeys: [LanguageKey] = [
        .init(
            "path",
            .scalar(.path("a landing")),
            usual: "required",
            example: "/srv/sonar",
            "the directory"
        ),
        .init(
            "copy",
            .scalar(.bool),
            usual: "`true`",
            example: "false",
            "whether files longer than 60 KiB are kept in the spool until they have landed; if not, "
                + "they are written where they land as they come, once, and whoever gave them keeps "
                + "them until they are whole there"
        ),
        .init(
            "owner",
            .scalar(.owner),
            usual: "as the node's",
            example: "\"data:data\"",
            "whose landed files are",
            .later
        ),
        .init(
            "mode",
            .scalar(.mode),
            usual: "as the node's",
            example: "\"0640\"",
            "the permission bits of landed files",
            .later
        ),
        .init(
            "on-landed",
            .scalar(.word("a command")),
            usual: "as the node's",
            example: "ingest",
            "the command of the site to run when a file has landed",
            .later
        ),
    ]

    static let quotaKeys: [LanguageKey] = [
        .init("origin", .scalar(.share), example: "40 %", "the most for one origin"),
        .init(
            "neighbour",
            .scalar(.share),
            example: "8 GiB",
            "the most of what one neighbour gave"
        ),
    ]

    static let runKeys: [LanguageKey] = [
        .init(
            "cpu",
            .scalar(.percent),
            usual: "100 %",
            example: "25 %",
            "the most of all processors together",
            .later
        ),
        .init(
            "pause-when",
            .table(.pause),
            example: "{load: 1.5}",
            "when it stops capturing and landing for a while",
            .later
        ),
    ]

    static let pauseKeys: [LanguageKey] = [
        .init(
            "load",
            .scalar(.number),
            usual: "required",
            example: "1.5",
            "the load average of one minute above which it pauses",
            .later
        )
    ]
}
