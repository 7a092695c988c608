// kernels: placeholder
//
// A name without a function, for callers that list every known name: the registry knows it, and asking for its pipeline
// fails because the source declares no such kernel.
