extension CodeText {
    /// Where a parcel stands, and what nodes state of it.
    static let parcels = Self.read(
        .parcel,
        """
        noticed
          A file of a source that is no parcel yet.
        offered
          A neighbour offers it; it waits for room here.
        arriving
          Bytes of it are here, not all.
        held
          All of it is durable here, and this node has the duty to deliver it.
        damaged
          Stored bytes of it went bad, and are asked for or made again.
          > Look for disk errors.
        passed
          The next node has stated custody; this one need not keep its copy.
        ended
          It has ended; its statement says how.
        custody
          A node has stated that it holds all of it and will deliver it.
        landed
          The file stands on the collector's disk.
        landed-late
          It came after a newer version of the file had landed, which stands.
        secured
          The collector's archive has confirmed it.
        refused
          It cannot land, whatever way it takes; the reason says why.
          > Remove the reason, then touch the file: it is sent as a new version.
        superseded
          A newer version took its place before it landed.
        expired
          Its lifetime ended on the way.
        recalled
          The origin's operator took it back.
        abandoned
          The file changed or vanished at its origin before all of it was read.
          ? What is there now is sent as a new version.
        lost
          A node that had custody has lost its log; the origin sends it again.
        opened
          The origin has begun to read the file.
        closed
          The origin has read all of it.
        arrived
          The first of it came to this node.
        """
    )

    /// Why a parcel ended, is refused or is put off.
    static let reasons = Self.read(
        .reason,
        """
        digest
          What arrived is not what its closing says, although every piece is what it says.
          ? A fault at the origin, or a file that changed while it was read.
          > The origin opens it anew, at most three times; then look at its disk and memory.
        path_refused
          The name cannot be used at the landing.
          ? Something is in the way, or it is too long for that file system.
          > Rename the file at its origin, or clear the way at the collector.
        too_large
          No node on the way, or not the collector, can ever hold it.
          > A larger `spool` in the topology, or leave such files out.
        not_reproducible
          The origin cannot make the lost bytes again as they were.
          ? Its program packs otherwise than the one that sent them first.
          > Nothing: the file is sent as a new version.
        source_changed
          The file changed while it was read, or since it was noticed.
          > Nothing: the version that is there now is sent.
        file_missing
          The file is gone at its origin.
        not_regular
          Something that is no regular file has its name now.
        being_written
          Somebody has the file open for writing.
          > Send it when it is complete.
        renumbered
          The origin began a new incarnation, and sends the file under another number.
        newer_version
          A newer version of the file took its place.
        blob
          Stored bytes of it went bad where it was in custody.
          > Look for disk errors at that node.
        incarnation
          The node that had custody of it has lost its log.
        unknown
          The collector does not know it: the origin sends it again.
        unseen
          It was landed just before a crash, and its file was gone or moved after it.
          > Look whether what follows the landing took it.
        full
          There is no room for it now.
          > It goes on by itself; `tributary queue age` shows what fills the node.
        quota
          It alone is more than its origin, or its giver, may have there.
          > Raise `quota` in the topology.
        quota_origin
          Its origin has as much there as it may.
          > Wait, or raise `quota`.
        quota_neighbour
          The giver has as much there as it may.
          > Wait, or raise `quota`.
        next_hop
          The node is too small for it and asks the one behind it first.
          > Ask at the node behind it.
        next_hop_full
          The node is too small for it, and the one behind it has no room.
          > It goes on by itself; look at the node behind it.
        draining
          The node is being drained and takes nothing new.
          > `tributary drain --off` there, if it is to stay.
        offered_twice
          It comes from another neighbour already.
        stating
          The node writes its statement of custody anew.
        yielded
          It gave its place to another, because nothing of it moved.
        needs_index
          The other node needs a newer index first, and gets it.
        own
          The other node has it from its file already.
        rerouted
          It takes another way.
        withdrawn
          The giver took its offer back.
        held_back
          The operator has it wait.
          > `tributary queue release`.
        new_incarnation
          The node began a new life of its log; what it had promised is asked for again.
        doubled
          Its number belongs to another parcel, or the node is one of two.
          ? A home was copied, and both copies have sent.
          > `tributary adopt` at its origin.
        rolled-back
          The node runs on an old state and moves nothing.
          > `tributary adopt` there.
        ended
          Word of its end came before it.
        wrong_mesh
          It belongs to another mesh.
          > Something sends it into the wrong mesh: look at the giver.
        unknown_flow
          The index has no such flow.
          > Give that node the mesh's current index.
        not_declared
          Its origin does not send that flow to that collector.
          > Declare it in the topology.
        no_way
          No declared way leads from its origin through the giver to there.
          > Declare the link in the topology.
        signature_invalid
          It is not signed by its origin.
          > Look at the giver: it was changed on the way.
        no_room
          The disk that it would land on is full.
          > Free room there; it lands by itself.
        landing_missing
          The directory that it would land in is not there.
          > Create it, or mount its disk; it lands by itself.
        landing_unclear
          A crash left the landing half done, and it is not clear how far.
          > `tributary queue retry` at the collector; look at the path that is named.
        not_permitted
          The daemon's user may not write there, or not read the file.
          > Give it the right to; it goes on by itself.
        site_forbids
          `site.yaml` or the view of that node has no landing for the flow.
          > Decide at that machine.
        io_failed
          The disk or the kernel failed.
          > Look at the kernel log; it is tried again.
        size_differs
          The landed file is not as long as it should be.
          ? Something else wrote to it, or the disk failed.
          > Look at the disk; it is assembled again.
        source_missing
          The directory of the source is not there.
          > Create it, or mount its disk.
        interrupted
          Reading it was interrupted.
          > It is tried again; the log says what happened.
        unnameable
          Its path is longer than any parcel's may be.
          > Move it further up.
        """
    )
}
