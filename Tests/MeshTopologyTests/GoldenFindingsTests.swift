import MeshTopology
import Testing

/// What people read when a topology is wrong, word for word.
@Suite struct GoldenFindingsTests {
    private static func report(_ text: String) -> String {
        do throws(TopologyFindings) {
            let topology = try Topology.parse(text, file: "mesh.yaml")
            return topology.warnings.map(\.description).joined(separator: "\n")
        } catch {
            return error.description
        }
    }

    @Test func aKeyAtTheWrongPlaceIsToldWhereItBelongs() {
        let text = """
            mesh: coast
            nodes:
              buoy: {sends: {sonar: /data}}
              hq: {listens: "hq:7443", receives: /srv, first: newest}
            links: [buoy -> hq]
            flows:
              sonar: {then: delete}
            """
        #expect(
            Self.report(text) == """
                mesh.yaml:4:44: error: A node has no key `first`. [unknown_key]
                    hq: {listens: "hq:7443", receives: /srv, first: newest}
                                                             ^
                  hint: `first` is a key of a flow.
                mesh.yaml:7:11: error: A flow has no key `then`. [unknown_key]
                    sonar: {then: delete}
                            ^
                  hint: `then` is a key of a source and of a fetch.
                2 errors
                """
        )
    }

    @Test func aWrongTopologyTellsEverythingAtOnce() {
        let text = """
            mesh: Coastwatch
            nods: {}
            nodes:
              buoy-7: {sends: {sonar: /data/sonar}, recieves: /x}
              buoy-7: {spool: 10 GiB}
              buoy-{8..9}: {like: buoy}
              dmz:    {listens: "dmz.example.org", spool: 1 MiB}
              hq:     {receives: ../incoming}
            links:
              - buoy-7 -> dmzz
              - hq <- dmz
            flows:
            \tsonar: {first: newst}
            """
        // A tab cannot indent YAML: that alone is told, since nothing after it can be read.
        #expect(
            Self.report(text) == """
                mesh.yaml:13:1: error: A tab cannot indent YAML. [yaml_syntax]
                  \tsonar: {first: newst}
                  ^
                  hint: Indent with spaces.
                1 error
                """
        )
        #expect(
            Self.report(text.replacing("\t", with: "  ")) == """
                mesh.yaml:1:7: error: `Coastwatch` cannot be the name of a mesh. [invalid_name]
                  mesh: Coastwatch
                        ^
                  hint: A name has 1 to 63 of a-z, 0-9, `-`, `_`, `.` and begins with a letter or \
                digit. Write `coastwatch`.
                mesh.yaml:2:1: error: A topology has no key `nods`. [unknown_key]
                  nods: {}
                  ^
                  hint: Did you mean `nodes`?
                mesh.yaml:4:41: error: A node has no key `recieves`. [unknown_key]
                    buoy-7: {sends: {sonar: /data/sonar}, recieves: /x}
                                                          ^
                  hint: Did you mean `receives`?
                mesh.yaml:5:3: error: `buoy-7` is there twice. [duplicate_node]
                    buoy-7: {spool: 10 GiB}
                    ^
                  hint: It is at line 4, column 3 already.
                mesh.yaml:6:23: error: No kind is called `buoy`. [unknown_kind]
                    buoy-{8..9}: {like: buoy}
                                        ^
                  hint: Declare it under `kinds`.
                mesh.yaml:7:21: error: `dmz.example.org` is no address to listen on. \
                [invalid_endpoint]
                    dmz:    {listens: "dmz.example.org", spool: 1 MiB}
                                      ^
                  hint: Write host and port, such as `dmz.example.org:7443`.
                mesh.yaml:7:47: error: 1 MiB is too little for a spool. [invalid_size]
                    dmz:    {listens: "dmz.example.org", spool: 1 MiB}
                                                                ^
                  hint: It needs at least 64 MiB.
                mesh.yaml:8:22: error: `../incoming` cannot be the path of a landing: it has the \
                component `..`. [invalid_path]
                    hq:     {receives: ../incoming}
                                       ^
                  hint: Write an absolute path, or one relative to the home of the node.
                mesh.yaml:10:5: error: No node is called `dmzz`. [unknown_node]
                    - buoy-7 -> dmzz
                      ^
                  hint: Did you mean `dmz`?
                mesh.yaml:11:5: error: `hq <- dmz` is no link. [invalid_link]
                    - hq <- dmz
                      ^
                  hint: Write `NODE -> NODE`; the arrow says who dials.
                mesh.yaml:13:18: error: `first` cannot be `newst`. [invalid_value]
                    sonar: {first: newst}
                                   ^
                  hint: Did you mean `newest`?
                11 errors
                """
        )
    }

    @Test func partsThatDoNotFitTogetherAreTold() {
        let text = """
            mesh: m
            nodes:
              buoy: {sends: {sonar: /data, tide: /tide, logs: /logs}}
              dmz: {listens: "dmz:7443"}
              spare: {listens: "dmz:7443"}
              hq: {receives: {sonar: /srv, sonarr: /srv2, logs: /l}}
              lab: {receives: {logs: /l}}
            links:
              - buoy -> dmz
              - buoy -> dmz
              - dmz -> hq
              - lab -> lab
            """
        #expect(
            Self.report(text) == """
                mesh.yaml:3:32: error: No node receives the flow `tide`. [no_collector]
                    buoy: {sends: {sonar: /data, tide: /tide, logs: /logs}}
                                                 ^
                  hint: Give one node `receives: PATH` or `receives: {tide: PATH}`.
                mesh.yaml:5:20: warning: spare and dmz both listen on dmz:7443. \
                [duplicate_endpoint]
                    spare: {listens: "dmz:7443"}
                                     ^
                mesh.yaml:6:32: warning: No node sends the flow `sonarr`. [no_origin]
                    hq: {receives: {sonar: /srv, sonarr: /srv2, logs: /l}}
                                                 ^
                  hint: Did you mean `sonar`?
                mesh.yaml:7:20: error: hq and lab both receive the flow `logs`. \
                [several_collectors]
                    lab: {receives: {logs: /l}}
                                     ^
                  hint: A flow has one collector: name its flows under `receives` at each.
                mesh.yaml:10:5: error: The link buoy -> dmz is there twice. [duplicate_link]
                    - buoy -> dmz
                      ^
                mesh.yaml:11:5: error: dmz dials hq, which does not listen. [not_listening]
                    - dmz -> hq
                      ^
                  hint: Give hq an address, `listens: "HOST:PORT"`. If hq dials, turn the arrow \
                round.
                mesh.yaml:12:5: error: `lab` cannot be linked to itself. [self_link]
                    - lab -> lab
                      ^
                5 errors, 2 warnings
                """
        )
    }

    @Test func aBrokenWayIsToldAtItsOrigin() {
        let text = """
            mesh: m
            nodes:
              island: {sends: {sonar: /data}}
              dmz: {listens: "dmz:7443"}
              hq: {receives: landed, sends: {notes: /n}}
              lab:
            links: [hq -> dmz]
            """
        #expect(
            Self.report(text) == """
                mesh.yaml:3:20: error: No links lead from island to hq, which receives `sonar`. \
                [unreachable_collector]
                    island: {sends: {sonar: /data}}
                                     ^
                  hint: Add a link from island to a node on the way.
                mesh.yaml:5:34: error: hq both sends and receives the flow `notes`. \
                [origin_is_collector]
                    hq: {receives: landed, sends: {notes: /n}}
                                                   ^
                  hint: A flow ends at another node than those where it begins.
                mesh.yaml:6:3: warning: No link leads to lab. [unused_node]
                    lab:
                    ^
                2 errors, 1 warning
                """
        )
    }

    @Test func everyDuplicateKeyIsTold() {
        let text = """
            mesh: m
            mesh: n
            nodes: {a: {spool: 1 GiB, spool: 2 GiB, 'spool': 3 GiB, "spool": 64 MiB}, b: }
            links: []
            """
        #expect(
            Self.report(text).split(separator: "\n").filter { $0.contains("duplicate_key") } == [
                "mesh.yaml:2:1: error: `mesh` is there twice. [duplicate_key]",
                "mesh.yaml:3:27: error: `spool` is there twice. [duplicate_key]",
                "mesh.yaml:3:41: error: `spool` is there twice. [duplicate_key]",
                "mesh.yaml:3:57: error: `spool` is there twice. [duplicate_key]",
            ]
        )
    }
}
