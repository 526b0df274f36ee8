// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = '76e350b7bc1a79ea4323937d10e1a78f0324c5a4fcd9fa89a2acbe59f56fc09c';
