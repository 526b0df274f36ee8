// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '01d957187767eca76cd1b1c8131282bba02ad403506dd28588d89e0dab9a85dc';
