/// A batch of two statements, made with another implementation.
///
/// Digests are SHA-256; all is hexadecimal.
///
/// Mesh `vector`; signer `relay`, incarnation 3 (random 0123456789abcdef), batch 42 after
/// `SHA-256("batch 41")`, at 1795000000000; stream `origin`, `scans`, incarnation 1 (random
/// feedfacecafebeef).
///
/// Statement 0 is custody of 7, 8, 9, 12; statement 1 is *refused (digest)* of 20, detail `seen
/// twice`, without closing. Parcel *n* is `SHA-256("parcel n")`, its closing `SHA-256("closing
/// n")`. Only 7 has a passage: `origin` (arrived 3,000 ms before, held 2,900, sent 2,000), `relay`
/// (arrived 1,000, held 500, not sent; statement `SHA-256("custody")`).
enum StatementVectors {
    /// Of the signer; for tests only.
    static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgbFy57vI/J3lA86dc
        +pQsA6BpJgqujYY776ndkRVQmZ+hRANCAASva5Qhcg0s/HS0nTepEedXC9Pkb555
        d0XOnwyFE62WZ+gL5mt7xQpSWbmVDRrY4LJ4hUwWlOIpUDn00/6MaXTO
        -----END PRIVATE KEY-----
        """

    static let publicKey = "02af6b9421720d2cfc74b49d37a911e7570bd3e46f9e797745ce9f0c8513ad9667"
    static let keyID = "04e2ee3c1ee903f6"
    static let rootOfStatement0 = "b176c4db8de4e9df83685c19d1a1c1fd1236cd34fed926d66a25949924e116b2"
    static let rootOfStatement1 = "6c017e88bfdce788cd0b45292879565f356c090b31aa266dcdca8c943906575d"
    static let rootOfBatch = "c7ce0b2d411c0decdd6bdd5a6b1f9ab2c1de7da3962e6a55895bd007ff196120"
    static let digestOfBatch = "0ea1b546d47c2c8a796782450e55f0ef2d0239352df3558a16c8248c21566478"
    static let digestOfStatement0 =
        "f9c39c59c02b9578703e10b1381c3d36c38c55e78cfe8955a658e290ce03510e"
    static let digestOfStatement1 =
        "5ce121d97f8b6acb4bd1d033fa8af710ff57b8f2fdc99c8b62908035d1d5b2b5"

    static let signed0 = """
        0a6b0a0572656c6179120804e2ee3c1ee903f6182a22203ee39f4da39406e34cc1e10bc3f80cd05e0157ea34\
        91058c27c3b76bc5c2c9932880bcd9f29e3430023a20c7ce0b2d411c0decdd6bdd5a6b1f9ab2c1de7da3962e\
        6a55895bd007ff196120400349efcdab8967452301124004107d88d2730d6b88cb2a4c165c9cb6bbb7f0e9b4\
        fd855f06025d0e11ebf2e0cf38c02aa8497b1b64637213d178e3cad438caddf64cbf785007e8be6943df7d22\
        20d6d97d2fe609230b50462523f78e0d67b73f78cc8c748082c695e4e541e325242a6a0a06766563746f7212\
        0572656c61791a0804e2ee3c1ee903f620013080bcd9f29e343a066f726967696e42057363616e73480151ef\
        befecacefaedfe5a04080710095a04080c100c6220b176c4db8de4e9df83685c19d1a1c1fd1236cd34fed926\
        d66a25949924e116b23268080712208ac3a15bce4746b3cf758554b97d93c4bba71b734f585280536d139af8\
        9d9c2e1a20c85b91b09e57abd8989ea218c9e8b17ff1284936d9bebcba37a897424ceb9dc422205d89011bda\
        4c0723ce493967047d08d7b0bb1953f4f6453518f84d25820f9e383246080812205c737643e8cea88458588f\
        07d21ad344d54db1abc3fc32ec09feca8b4c45d6bf1a202ec0e8a5c2f13ac6ca09b735bf979f8aca06a38d02\
        e7841a07da9b27a5925117324608091220a366c4712304e9e2b7f4732cae5ea9b22117bf20d7e39b3275f92f\
        23967ea01e1a20255cf50150857c5feb67916e2f0aa7b895cfb30bef3297eaa87af46093dfbae83246080c12\
        209dd7b00de4409d3f002a22092d6e16cc4ff858ffeaa747207f1965f7f5dfe63b1a20c9e6ca7aaa371ef030\
        1a63bfbfb6ec181f3079697588aa6a163ccf301899102e3a7a0a1d0a066f726967696e10c8a4d9f29e3418ac\
        a5d9f29e3420b0acd9f29e340a590a0572656c61791098b4d9f29e34188cb8d9f29e342a2021a7f61c15cef4\
        ddedae076d6b7393f1d3d4a9b5c870df60ca0c59b195ef160232205d314fed01e1ca72c708736aefdf9a1541\
        7e4467561a7d435f53abbe0302adb03a003a003a00
        """

    static let signed1 = """
        0a6b0a0572656c6179120804e2ee3c1ee903f6182a22203ee39f4da39406e34cc1e10bc3f80cd05e0157ea34\
        91058c27c3b76bc5c2c9932880bcd9f29e3430023a20c7ce0b2d411c0decdd6bdd5a6b1f9ab2c1de7da3962e\
        6a55895bd007ff196120400349efcdab8967452301124004107d88d2730d6b88cb2a4c165c9cb6bbb7f0e9b4\
        fd855f06025d0e11ebf2e0cf38c02aa8497b1b64637213d178e3cad438caddf64cbf785007e8be6943df7d18\
        01222016bcba3a9d84bbdce36ab3aa7a2346de654cbda171cca187ecd263e5fbb696c32a6c0a06766563746f\
        72120572656c61791a0804e2ee3c1ee903f620052a066469676573743080bcd9f29e343a066f726967696e42\
        057363616e73480151efbefecacefaedfe5a040814101462206c017e88bfdce788cd0b45292879565f356c09\
        0b31aa266dcdca8c943906575d32300814122064e9572e8960ff1ff085c78fe9fb3c18dd38e5b7faf6a3f9bc\
        f4dce72068c2252a0a7365656e207477696365
        """
}
