/// Which of several waiting files goes first.
public enum FileOrder: String, CaseIterable, Hashable, Sendable {
    /// The one modified last.
    case newest
    /// The one modified first.
    case oldest
    /// The shortest.
    case smallest
    /// The longest.
    case largest
    /// The one whose path sorts first, byte by byte.
    case name
}
