/// The bytes of frames, for this and every other implementation: a change here breaks the wire.
///
/// Each is the frame that `Sample.messages()` gives under its name, header included.
enum FrameVectors {
    /// The parcel that `Sample.signedOpening()` names.
    static let openingID =
        "0b2ae22fbce31e678b2d0303ff8c4b220b0b08c0cb9a5b6f9dabc438f64bf24b"

    /// Hexadecimal digits by name.
    static let frames: [String: String] = {
        var frames: [String: String] = [:]
        var name = ""
        for line in Self.text.split(separator: "\n") {
            if line.hasSuffix(":") {
                name = String(line.dropLast())
            } else {
                frames[name, default: ""] += line.drop { $0 == " " }
            }
        }
        return frames
    }()

    private static let text = """
        hello:
          0100009a08011205636f6173741a0462756f7921edfe000000000000280231090000000000000038
          034080d095ffbc3148808040500c5a0c0a0872656164696e67731007600468017108000000000000
          008201097472696275746172798a010b726f6c6c65642d6261636b92010d08021107000000000000
          00180c9a0120e52d9c508c502347344d8c07ad91cbd6068afc75ff6292f062a09ca381c89e71
        offer:
          020000cb0ac8010a83010a460a05636f617374120462756f791a0872656164696e67732207686172
          626f7572280131efcdab89674523013807400248c0843d5801720801020304050607087880d095ff
          bc3112390a0a323032362f612e62696e109586ac8fe09fe7cb1718a0032201612a0d0a0461726561
          12056e6f7274682a0c0a046b696e641204776176651240ababababababababababababababababab
          abababababababababababababababababababababababababababababababababababababababab
          ababababababab
        admitted:
          030000320a200b2ae22fbce31e678b2d0303ff8c4b220b0b08c0cb9a5b6f9dabc438f64bf24b120e
          080112021002120408091009180a
        later:
          0300002c0a200b2ae22fbce31e678b2d0303ff8c4b220b0b08c0cb9a5b6f9dabc438f64bf24b1a08
          0805120466756c6c
        never:
          030000360a200b2ae22fbce31e678b2d0303ff8c4b220b0b08c0cb9a5b6f9dabc438f64bf24b2212
          0a09746f6f5f6c6172676512053120476942
        statement:
          030000270a200b2ae22fbce31e678b2d0303ff8c4b220b0b08c0cb9a5b6f9dabc438f64bf24b2a03
          010203
        passed:
          030000260a200b2ae22fbce31e678b2d0303ff8c4b220b0b08c0cb9a5b6f9dabc438f64bf24b3202
          0405
        needs-index:
          030000260a200b2ae22fbce31e678b2d0303ff8c4b220b0b08c0cb9a5b6f9dabc438f64bf24b3a02
          0803
        entries:
          040000780a200b2ae22fbce31e678b2d0303ff8c4b220b0b08c0cb9a5b6f9dabc438f64bf24b1004
          1a524bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a000000010000
          00010000000000000000000000000000000000000000000000000000000000000000000000000000
          01000002
        want:
          0500002c0a200b2ae22fbce31e678b2d0303ff8c4b220b0b08c0cb9a5b6f9dabc438f64bf24b1202
          1002120408091009
        ack:
          0700002c0a200b2ae22fbce31e678b2d0303ff8c4b220b0b08c0cb9a5b6f9dabc438f64bf24b1202
          1002120408091009
        small-ack:
          08000003088020
        closing:
          090000c00a700a200b2ae22fbce31e678b2d0303ff8c4b220b0b08c0cb9a5b6f9dabc438f64bf24b
          10041a204bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a222808c0
          843d10011a20dbc1b4c900ffe48d575b5da5c638040125f65db0fe3e24494b76ea986457d9861240
          abababababababababababababababababababababababababababababababababababababababab
          abababababababababababababababababababababababab1a0a0a0462756f7910011802
        small:
          0a0001510a83010a460a05636f617374120462756f791a0872656164696e67732207686172626f75
          72280131efcdab89674523013807400248c0843d5801720801020304050607087880d095ffbc3112
          390a0a323032362f612e62696e109586ac8fe09fe7cb1718a0032201612a0d0a046172656112056e
          6f7274682a0c0a046b696e64120477617665126c0a200b2ae22fbce31e678b2d0303ff8c4b220b0b
          08c0cb9a5b6f9dabc438f64bf24b1a20e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934c
          a495991b7852b8552226080b10011a209bdcfc6571d78554e039e3f78ce4f1945362bd239b076a48
          df41f96cbf54957a1a40abababababababababababababababababababababababababababababab
          abababababababababababababababababababababababababababababababababab2a0b74696465
          20322e34206d0a320a0a0462756f79100118023801
        withdrawn:
          0b0000290a200b2ae22fbce31e678b2d0303ff8c4b220b0b08c0cb9a5b6f9dabc438f64bf24b1205
          726f757465
        note:
          0c00001208011207686172626f7572181f2203070707
        noted:
          0d000000
        evidence-wanted:
          12000000
        evidence:
          120000050a03010203
        evidence-opening:
          120000091201011a0102220103
        index:
          0e0000040a020909
        ping:
          0f000009094d00000000000000
        pong:
          10000009094d00000000000000
        bye:
          110000140a0873746f7070696e6712067570646174651808
        """
}
