extension CodeText {
    /// What `tributary topology check` finds.
    static let findings = Self.read(
        .topology,
        """
        coarse_profile
          A flow of another profile than 2 has to cross a line slower than 1 Mbit/s.
          > Say `profile: 2` for the flow: smaller pieces lose less when a line drops.
        duplicate_endpoint
          Several nodes listen on one address.
          > Give each its own, unless they never run at once.
        duplicate_include
          A file is included twice.
          > Include it once.
        duplicate_key
          A key is there twice in one table.
          > Keep one of the two.
        duplicate_link
          A link is there twice.
          > Keep one of the two.
        duplicate_node
          Two declarations name one node.
          ? Ranges such as `buoy-{1..9}` may overlap.
          > Give one of them another name.
        include_cycle
          A file includes itself, directly or through others.
          > Take one of the includes out.
        invalid_endpoint
          An address is not `HOST:PORT`.
          > Write it such as `dmz.example.org:7443`, in quotes between braces.
        invalid_link
          A link is neither `NODE -> NODE` nor `NODE .. NODE`, or its ranges differ in length.
          > The arrow says who dials.
        invalid_name
          A name or range breaks the rules.
          > 1 to 63 of a-z, 0-9, `-`, `_`, `.`, beginning with a letter or digit.
        invalid_path
          A path has `..` or control characters, or begins with `~`.
          > Write it absolute, or relative to the node's home.
        invalid_size
          This is no size, is too small, or is more than the spool has.
          > Write a number and a unit, such as `20 GiB`; a spool has at least 64 MiB.
        invalid_value
          The value cannot stand there.
          > The hint says what can.
        kind_cycle
          A kind is like itself, directly or through others.
          > Take one `like` out.
        landings_overlap
          Files of two flows could land on one path.
          > Give each flow a directory of its own.
        missing_key
          Something that is required is not there.
          > The message names it.
        never_dialled
          A node listens, and no link dials it.
          > Add the link, or take `listens` out.
        no_collector
          No node receives a flow.
          > Give one node `receives: PATH`.
        no_nodes
          The topology declares no nodes.
          > Add `nodes`.
        no_origin
          No node sends a flow.
          > Look for a misspelling; else take what concerns the flow out.
        no_release
          Files of a source are deleted or moved, and the flow does not say when that is safe.
          > Say `release: landed` or `release: secured` for the flow.
        not_listening
          A link dials a node that does not listen: nobody can make that call.
          > Give the node `listens`, or turn the arrow round.
        not_yet_supported
          The language knows it, this version does not honour it.
          > Take it out; nothing is ignored silently.
        origin_is_collector
          A node sends a flow and receives it.
          > Let another node do one of the two.
        self_link
          A link leads from a node to itself.
          > Take it out.
        several_collectors
          Two nodes receive one flow.
          > A flow has one collector: name at each which flows it receives.
        site_forbids
          The view of a node wants more than its `site.yaml` allows.
          > Decide at that machine.
        small_spool
          A node on the way has no room for the largest file of a flow.
          ? Such files go through it only while the next node has room; at the collector they could
            never land, which is an error.
          > A larger `spool`, or a smaller `largest`.
        source_is_landing
          A node sends what lands at it.
          ? That may be meant, for a second mesh behind the first.
          > Check that it is not a circle.
        sources_overlap
          Files are sent in two flows.
          > Give each flow a directory of its own, unless it is meant.
        too_large
          More bytes, files, nodes or links than a topology can have.
          > Use ranges and kinds, or make two meshes of it.
        unknown_key
          There is no such key.
          > The nearest one is named.
        unknown_kind
          There is no such kind.
          > Declare it under `kinds`.
        unknown_node
          A link names a node that is not declared, or a command names one that has no keys.
          > Declare it under `nodes`, or correct the name.
        unreachable_collector
          No links lead from an origin to the collector of its flow.
          > `tributary topology graph` shows what is linked.
        unreadable_include
          A file that is included cannot be read.
          > Its path counts from the file that includes it.
        unused_kind
          No node is like a kind.
          > Take it out.
        unused_node
          No link leads to a node.
          > Link it, or take it out.
        wrong_shape
          A list or table stands where a value is needed, or the other way round.
          > The message says what is needed.
        yaml_syntax
          This is no YAML.
          ? Most often a tab that indents, or `*`, `@` or `: ` in a text without quotes.
          > Indent with spaces; put such texts in quotes.
        yaml_trap
          Other readers of YAML take this for something else than text.
          ? `no` is false to them, `22:00` and `0640` are numbers.
          > Put it in quotes.
        """
    )
}
