// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '734efe8240a5230c4973c4b011e70625665b0ea6fd66e950f0fa19522cca68fd';
