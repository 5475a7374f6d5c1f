/** What survives JSON unchanged. Plans, step inputs and results are of this type, so that they can be stored and hashed. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
