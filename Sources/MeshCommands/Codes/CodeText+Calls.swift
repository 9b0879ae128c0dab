extension CodeText {
    /// Why a call did not come about, or ended.
    static let calls = Self.read(
        .call,
        """
        unreachable
          Nobody answers at the address.
          ? The daemon there does not run or does not listen, or a firewall is in between.
          > `tributary topology firewall` lists what must be open; `tributary call NODE` tries now.
        no_route
          The system knows no way to the address, or no address of the host.
          ? The line is down, or the name cannot be resolved.
          > Nothing if the line is only open at times: it is dialled when it comes up.
        timed_out
          Handshake and hello took more than 30 s.
          ? A very slow line, or something that accepts connections and does not answer.
          > Look what really listens at that address and port.
        cut
          The connection broke.
          ? The line, a restart of either end, or a firewall that forgets idle connections.
          > Nothing if it is rare; the call is made again at once.
        silent
          Nothing came any more, and the call was given up.
          ? The other machine or the line went away without a word.
          > Nothing; it is dialled anew.
        refused
          The peer closed before it said hello.
          ? Most often it does not accept this node; its log says why.
          > Look at the log of the other end, at the same time.
        not_trusted
          The peer's certificate does not convince this node.
          > Give both nodes homes of the same mesh; look at the clocks.
        wrong_node
          Another node than the one that was dialled answers at the address.
          > Correct `listens` in the topology, or what forwards the port.
        incompatible
          TLS, the protocol's version or its first message do not fit.
          ? Something else listens there, or the versions are far apart.
          > Look what listens there; upgrade the older end.
        too_many_handshakes
          More than 64 callers had not said who they are yet; this one was turned away.
          ? A crowd after an outage, or somebody knocking.
          > Nothing: callers try again. If it lasts, see who connects to that port.
        bad_identity
          This node's own key or certificate cannot be used.
          > Copy its `keys` again from where they were made.
        cannot_listen
          The address cannot be listened on.
          ? Another program has the port, or the address is not of this machine.
          > Free the port, or correct `listens`.
        certificate_refused
          The peer's certificate is not from this mesh's authority.
          > Give both nodes homes that were made together.
        certificate_expired
          The peer's certificate is too old, by this node's clock.
          > Look at both clocks first; then make a new certificate.
        not_neighbour
          The peer is of the mesh, but no link with it is declared.
          > Declare it, or stop what dials here.
        key_unknown
          The peer's key is not the one that the index has for it.
          > Give both nodes homes that were made together.
        wrong_mesh
          The peer is of another mesh.
          > Correct the address, or give it a home of this mesh.
        wrong_name
          The peer calls itself otherwise than its certificate does.
          > Its home is mixed up: copy it again.
        unsupported
          The peer needs something that this version does not know, or the other way round.
          > Upgrade the older end.
        frame_too_long
          The peer sent a frame longer than any may be, and was cut off.
          > If it is one of ours, report it with both versions.
        malformed
          The peer sent bytes that are no message, and was cut off.
          > If it is one of ours, report it with both versions.
        protocol_violation
          The peer broke a rule of the protocol, and was cut off.
          > If it is one of ours, report it with both versions; the detail says which rule.
        blob_invalid
          The peer sent bytes that are not what their entry says, and was cut off.
          ? Its disk or memory has changed them.
          > Look for disk errors there; the bytes are asked for again.
        signature_invalid
          The peer passed on something that is not signed by whom it should be.
          > Look at that node; nothing of it was taken.
        statement_invalid
          The peer passed on a statement that does not prove what it claims.
          > Look at that node; nothing of it was taken.
        doubled
          Two nodes run under one name.
          ? A home was copied, and both copies run.
          > Stop one; at the other, `tributary adopt`.
        rolled-back
          The node runs on an older state than its neighbours know of it.
          ? Its home was restored from a backup.
          > `tributary adopt` there.
        bye
          The peer ended the call as it should.
        done
          The call ended because nothing was left to do.
        double_call
          Both ends called at once, or a newer call took the place of this one.
        new_incarnation
          The peer began a new life of its log, and calls again.
        standing_still
          The peer moves nothing until its operator has decided.
          > `tributary status` there says why; then `tributary adopt`.
        stopped
          The peer was stopped, or this node was.
        stopping
          The peer is stopping, or this node is.
        window
          The time in which the link may be used is over.
        failed
          The call ended with an error that has no code of its own.
          > The detail says more; see the logs.
        """
    )

    /// The word for a neighbour.
    static let neighbours = Self.read(
        .neighbour,
        """
        ok
          A call is up; something moves, or did within the last minute.
        idle
          A call is up; there is nothing to move.
        calling
          This node dials, or will in a moment.
        expected
          There is no call; the neighbour dials this node.
          > Nothing at first; if it lasts, look at the neighbour: its daemon, its line, the firewall.
        backing-off
          It cannot be reached and is tried again, ever less often up to once a minute.
          > The last error says why; `tributary call NODE` tries now.
        full
          A call is up; the neighbour has no room for what it is offered.
          > See there why it cannot hand on: `tributary queue age`. It goes on by itself.
        refused
          One of the two does not accept the other.
          > The last error says why.
        silent
          The last call ended because nothing came any more.
          > Look at the line if it happens often.
        doubled
          Two nodes run under one name, from copies of one home.
          > Stop one; at the other, `tributary adopt`.
        rolled-back
          A node runs on an older state than its neighbours know.
          > `tributary adopt` there.
        """
    )

    /// The word for the node itself.
    static let nodes = Self.read(
        .node,
        """
        whole
          Nothing speaks against this node being who its log says.
        fresh
          The log began empty, and not every neighbour was met since.
          ? A new node, or one that was wiped.
          > Nothing: it takes its place when it has met them.
        doubled
          Another run of this node has acted in its name; it moves nothing.
          ? Its home was copied, and the copy runs or ran.
          > Stop the other copy, then `tributary adopt` here.
        rolled-back
          A neighbour has what this node has signed and no longer knows; it moves nothing.
          ? Its home was restored from a backup.
          > Make sure that no other copy runs, then `tributary adopt`.
        """
    )
}
