import Testing

/// Real daemons, real files, real kills: one at a time, since they measure themselves by the clock.
@Suite(.serialized)
struct IntegrationTests {}
