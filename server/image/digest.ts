// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '818b0371aef918d9ad8ffabc16f0462f3bfc72b7bcbf867728c2a09623f6665e';
