// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = 'cd1eaaa831c27c107b85ef69ed4067b15153ba0d2de5b3c036db717a989135e6';
