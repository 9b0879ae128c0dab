extension CodeText {
    /// Why a file waits, or what is being done with it.
    static let whys = Self.read(
        .why,
        """
        source_missing
          The source's directory is not there.
          > Create it, or mount its disk.
        not_regular
          It is a link, a device, a pipe or a directory; only regular files travel.
        not_readable
          The daemon may not read it, or the disk fails.
          > The cause says which.
        excluded
          Its name is one that is never sent.
          > Rename it.
        too_large
          It is larger than this node or the flow takes.
          > A larger `spool`, or `largest`.
        not_sent
          The flow sends only what is handed over.
          > `tributary send FILE`.
        not_done
          It is not complete yet by the flow's `done-when`.
        not_seen
          No scan has seen this version.
          > Wait for the next scan, or `tributary send FILE`.
        capture_queued
          Other files are read first.
        spool_full
          There is no room for it in this node's own spool.
          > See what fills it: `tributary queue age`.
        draining
          This node is being drained, or was and stays shut.
          > `tributary drain --off`.
        capturing
          It is being read.
        capture_retry
          Reading it failed; it is tried again.
          > See the log; `tributary queue retry` does not wait.
        reservation
          It is offered here and there is no room: it has a place in the row.
          > `tributary queue age` shows whom the rest waits for.
        quota
          Its origin, or its giver, has as much here as it may.
          > Wait, or raise `quota`.
        landing_full
          The disk that it would land on has no room.
          > Free room there.
        next_hop_asked
          It is too large to be held here; it goes through once the node behind takes it.
          > Ask at that node.
        arriving
          Bytes come in.
        giver_away
          The rest is at a neighbour that no call is up with.
          > As with `no_call`.
        not_offered
          The call is up, but the neighbour has not offered it again.
          > Ask there.
        damaged
          Stored bytes went bad, and are asked for or made again.
          > Look for disk errors.
        held_back
          The operator has it wait.
          > `tributary queue release`.
        flow_held_back
          The operator has its flow wait.
          > `tributary queue release --flow FLOW`.
        queued
          It waits its turn.
        offered
          It is offered to the next node, which has not answered.
        behind
          The next node has room; what was begun before finishes first.
        sending
          Bytes go out.
        awaiting_custody
          All of it is there; the next node's word is awaited.
        neighbour_full
          The next node has no room for it.
          > Ask there; it goes on by itself.
        neighbour_later
          The next node said later, for the reason behind the code.
          > `tributary queue retry` does not wait.
        refused_by
          The next node will never take it; other ways are tried.
          > Remove the cause, then `tributary queue retry`.
        no_call
          There is no call with the next node; its state is behind the code.
          > `tributary call NODE` tries now; `tributary status` has the last error.
        no_way
          No declared link leads on to the collector.
          > Declare one in the topology.
        passed
          The next node has custody; the collector's word has not come back.
          > Ask there.
        landing_queued
          It lands in its turn.
        landing
          It is being written.
        landing_waits
          It cannot be landed now; the cause says why.
          > Remove the cause; `tributary queue retry` does not wait.
        standing_still
          This node moves nothing: its home is a copy or an old backup.
          > `tributary status`, then `tributary adopt`.
        """
    )

    /// What a source leaves alone, and why it is not watched.
    static let sources = Self.read(
        .source,
        """
        link
          A symbolic link, wherever it points.
        device
          A block or character device.
        socket
          A Unix socket.
        pipe
          A named pipe.
        empty_directory
          A directory with nothing in it: only files travel.
        unreadable
          The daemon's user may not look at it, or the disk fails.
          > Give it the right to; look at the disk.
        unnameable
          Its path is longer than 4,095 bytes.
          > Move it further up.
        own_home
          The node's own home, which lies in the source.
        too_large
          It is larger than `largest` of the flow, or than the spool can ever take.
          > Raise them in the topology.
        too_young
          It changed a moment ago, and is looked at again.
        being_written
          Somebody has it open for writing.
        no_marker
          Its marker is not there.
        source_changed
          It changed while it was read, and is looked at again after 2 s.
        file_missing
          It vanished before it was read.
        not_regular
          Something that is no regular file took its name.
        path_refused
          Its name cannot be used.
        not_permitted
          The daemon's user may not read it; it is tried again each minute.
          > Give it the right to.
        io_failed
          The disk or the kernel failed; it is tried again each minute.
          > Look at the kernel log.
        interrupted
          Reading it was interrupted; it is tried again each minute.
          > The log says what happened.
        watch_limit
          There are no more watches for this user: the source is scanned instead.
          > Raise `fs.inotify.max_user_watches` or `max_user_instances`; it is tried each minute.
        watch_failed
          The source cannot be watched for another reason, and is scanned instead.
        source_missing
          The directory of the source is not there.
          > Create it, or mount its disk. Nothing of it is lost.
        """
    )
}
