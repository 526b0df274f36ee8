// Generated from protocol.ts by `npm run generate`; do not edit.

/** Identifies the wire contract: `hello` of an agent with another one is refused or the agent replaced. */
export const PROTOCOL_DIGEST = 'e7c56706a93b2fd76fdf79092f08710d5aeb24d18fc4e081b3c49dcda9db370b';
