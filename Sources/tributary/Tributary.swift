import MeshCommands

@main struct Main {
    static func main() async { await TributaryCommand.runAndExit() }
}
