extension CodeText {
    /// What commands end with, and what keeps a daemon from starting.
    static let commands = Self.read(
        .command,
        """
        usage
          The command line does not say what is to be done.
          ? An option is missing, wrong or does not go with another; a name breaks the rules.
          > `tributary help COMMAND` shows what it takes, with examples.
        not_reachable
          No daemon answers on the control socket of this home.
          ? It does not run, or runs with another home.
          > Start it with `tributary run`; name its home with `--home` or `$TRIBUTARY_HOME`.
        not_permitted
          The operating system does not let this user do it.
          ? The file or the control socket belongs to another user.
          > Run the command as the daemon's user, or as a member of the socket's group.
        not_found
          There is no such file, parcel, node, neighbour, flow or code.
          ? It is spelt otherwise, or this node has nothing to do with it.
          > The message names what there is; ask about a file at its origin or at the collector.
        control_failed
          Command and daemon do not understand each other, or the daemon hung up.
          ? They are of different versions, the daemon ended, or more was asked for than fits a
            line.
          > See the daemon's log; use the command of the daemon's version.
        unknown_verb
          The daemon does not know what the command asks for.
          ? It is older than the command.
          > Restart the daemon with the new program.
        line_too_long
          A request has more bytes than the control socket takes.
          ? Too many files were named in one command.
          > Name the directory that they are in.
        try_later
          The daemon cannot do it now.
          ? Another drain runs, or 64 commands are connected.
          > Try again in a moment.
        stopping
          The daemon is stopping; nothing that it acknowledged is lost.
          > Start it again; what was handed over goes on by itself.
        already_running
          Another daemon has this home.
          > There is one daemon for a home: use the one that runs, or stop it first.
        home_missing
          There is no home at this path, or a file of it is missing.
          > `tributary init` and `tributary keys request` make homes; name one with `--home` or
            `$TRIBUTARY_HOME`.
        authority_unconfirmed
          Nobody has said that the authority of a join file is the right one.
          ? This home knows no mesh yet, and there is no terminal to ask at.
          > Compare its fingerprint, then `tributary join FILE --authority-fingerprint F`.
        authority_changed
          A join file comes from another authority than this home trusts, or than was named.
          > Do not join; ask whoever has the authority.
        wrong_node
          A file or a request is for another node, or for other keys than those of this home.
          > Use the file that was issued for the request that this home made.
        join_outdated
          The home has something newer than what it is to join with.
          > Use the file that was issued last.
        not_taken_up
          A join is installed, and the daemon cannot run with it, or did not come back in a minute.
          ? It cannot listen at a new address, or cannot make a new directory.
          > See its log, and correct it: what is installed counts from its next start.
        node_unnamed
          The home has not been told which node it is.
          > `tributary keys request --node NAME`, with the name that the topology has.
        request_refused
          A request for a certificate cannot be granted.
          ? It is damaged, for another mesh, of a node that the topology does not declare, or has
            the keys of another node.
          > The message says which; make it again at the node.
        key_change_unproven
          A node asks for other keys than before, and its old keys do not agree to that.
          ? It was set up anew, or somebody uses its name.
          > Compare its fingerprint; if it is the node, `tributary keys issue --replace NODE`.
        passphrase_needed
          The authority's key is under a passphrase, and none that can be one was given.
          > `--passphrase-file`, or run the command at a terminal.
        home_exists
          Something is there already, and nothing is overwritten.
          > Choose another directory, or move away what is there.
        home_invalid
          A file of the home is damaged, or does not fit the others.
          ? Files of two homes, or of two versions of one, were mixed; a directory that the
            topology names cannot be made.
          > The message says which file: join again, or copy the home again from where it was made.
        site_forbids
          The mesh declares something that this machine's administrator has not allowed.
          ? `site.yaml` in the home does not list a directory, or allows less than the topology.
          > Decide on this machine: add it to `site.yaml` and restart the node, or take it out of the
            topology. `tributary status` lists all of it.
        topology_invalid
          A topology cannot be used for this.
          ? It is not UTF-8 text, or two topologies that are compared are of different meshes.
          > The message says which.
        call_failed
          There is no call with the neighbour.
          ? The code in the message says why.
          > `tributary explain` that code; `tributary status` shows the next attempt.
        not_dialled_here
          The topology says that the neighbour dials this node.
          > Run `tributary call` at the other end.
        not_in_source
          A path lies beneath no directory that this node sends.
          > The message lists them; `tributary sources` shows what is noticed there.
        several_flows
          The paths of one `send` belong to more than one flow.
          > Send each flow's paths with a command of its own.
        not_copied
          `send --wait held` was asked of a source that says `copy: false`: its long files are in no spool.
          > `send --wait landed`, or take `copy: false` from the source in the topology.
        standing_still
          The node moves nothing, because its home is a copy or an old backup.
          ? `tributary status` says doubled or rolled-back, and what speaks against it.
          > Make sure that no other copy runs, then `tributary adopt`.
        nothing_to_adopt
          Nothing speaks against this node, so there is nothing to decide.
          > Nothing; `tributary adopt --force` begins a new incarnation all the same.
        gaps
          Parcels that an origin has passed on did not come for more than an hour.
          ? They wait in a relay that cannot reach the collector, or were lost with a relay.
          > `tributary trace PATH` at the origin says who took them; it asks for them by itself.
        broken
          The node could not go on safely, and has stopped.
          ? Signing failed, or its files contradict each other; the message says what.
          > Start it again: what it acknowledged is safe. If it stops again, keep the log.
        internal
          The daemon met an error that has no code of its own.
          > The message has the details; please report it.
        failed
          The command could not be done; the message says why.
        """
    )

    /// What the spool says.
    static let disks = Self.read(
        .command,
        """
        disk_failed
          A write or a sync of the spool failed, and the node has stopped.
          ? The disk is failing, or was taken away. Nothing unsynced was acknowledged.
          > Look at the kernel log and the disk, then start the node again.
        no_room
          The file system of the spool is full, and the node has stopped or does not take more.
          > Free room there, or lower the node's `spool`; it goes on where it was.
        damaged
          Stored bytes are there, and their checksum or signature does not fit.
          ? The disk or the memory has changed them.
          > Look at the kernel log. Damaged parcels are fetched again by themselves.
        missing
          A segment of the spool is gone.
          ? A file of the spool was removed by something else.
          > Restore nothing by hand: start the node, which asks its neighbours again.
        closed
          The spool is closed.
          ? The daemon is ending.
          > Start it again.
        unsupported
          The spool was written by a later version of this program.
          > Run that version, or a later one.
        index_failed
          The index does not take what the log holds; the log is safe.
          > Start the node again; if that does not help, move `spool/index.sqlite` away: it is
            made anew from the log.
        record_too_long
          Something is larger than a record of the log may be.
          ? This is a fault of the program.
          > Please report it with the message.
        unavailable
          A file of the spool could not be opened, listed or read.
          ? Rights, or a failing disk; the message has the system's word.
          > Give the daemon's user the home; look at the disk.
        source_missing
          The directory that the file would be sent from is not there.
          > Create it, or mount its disk.
        landing_missing
          The directory that files land in is not there.
          > Create it, or mount its disk.
        file_missing
          The file has gone since it was named.
          > Name one that is there.
        io_failed
          The disk or the kernel failed in another way; the message has its word.
          > Look at the kernel log and the disk.
        path_refused
          A name cannot be used here.
          ? A link or another file is in the way, or it is too long.
          > Rename it.
        interrupted
          Looking for the files was interrupted; it is not the files' fault.
          > Try again; the message has the details.
        """
    )

    /// What is said of keys, certificates and signed files.
    static let keys = Self.read(
        .command,
        """
        private_file_exposed
          A private key can be read by others on this machine.
          > `chmod 600` the file; if strangers could read it, make new keys.
        file_unavailable
          A key or certificate could not be read or written.
          ? Rights, a full disk, or a path that is not there.
          > The message names the file and the system's reason.
        join_invalid
          This is no join file, or it was changed on its way.
          > Bring it again from where `tributary keys issue` wrote it.
        request_invalid
          This is no request, or it was not made with the keys in it.
          > Make it again at the node with `tributary keys request`.
        passphrase_wrong
          The passphrase does not open the authority's key.
          ? It is another one, or the file has more than the passphrase on its first line.
          > Try again; without it the mesh needs a new authority, and every node a new home.
        key_unreadable
          A file is no P-256 key or certificate, or key and certificate do not belong together.
          > Copy the node's `keys` again from where they were made.
        signature_invalid
          A view, index or statement is not signed by whom it should be.
          ? It was changed or damaged, or belongs to another mesh.
          > Get it again from the mesh's authority.
        signing_failed
          The cryptographic library refused to sign.
          > Start the node again; if it happens again, report it with the message.
        statement_malformed
          Bytes are no statement, or do not prove what they claim.
          ? They were cut short or changed, or come from a program with a fault.
          > Get them again; keep them for a report if they are as they came.
        unknown_key
          A statement is signed with a key that the index does not list for its signer.
          ? The signer has newer keys than this node's index knows.
          > Give this node the mesh's current index.
        wrong_mesh
          A statement or certificate belongs to another mesh.
          > Look which mesh the home is of: `tributary status`.
        certificate_expired
          A certificate's time is over, by the clock that judged it.
          ? Nobody renewed it in time, or a clock is wrong.
          > Set the clock; if it is right, renew: `tributary keys renew` at the node.
        certificate_refused
          A certificate does not come from this mesh's authority, or names no node of it.
          > Copy the node's home again from where it was made.
        malformed
          A view or an index is not what it should be, or contradicts itself.
          > Get it again from the mesh's authority.
        content_damaged
          Stored bytes do not unpack to what they promise.
          ? The disk or the memory has changed them after they were checked.
          > Look at the kernel log; such bytes are fetched again by themselves.
        codec_unknown
          Bytes are packed in a way that this version does not know.
          ? They come from a node with a later version.
          > Upgrade this node.
        key_unknown
          The index has another key for the node than the one that it shows.
          ? Homes of two runs of `init` were mixed.
          > Give both nodes homes that were made together.
        not_neighbour
          A node of the mesh that the topology does not link with this one.
          > Declare a link between the two.
        """
    )
}
