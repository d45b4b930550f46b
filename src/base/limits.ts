// Named limits on what is read and written, each with its reason.

/** A safetensors header may not be longer: the format's own limit. */
export const maxHeaderBytes: number = 100_000_000;

/** config.json and its neighbours are kilobytes; more is another file under that name. */
export const maxConfigBytes: number = 10_000_000;

/** A manifest lists a few dozen files. */
export const maxManifestBytes: number = 10_000_000;

/** The largest tokenizers are tens of megabytes. */
export const maxAssetBytes: number = 100_000_000;

/** Results of benchmarks make a model card's YAML some hundred kilobytes long. */
export const maxFrontMatterLength: number = 1_000_000;

/** Metadata of the Hub nests ten levels; some thousand are more than a parser survives. */
export const maxFrontMatterDepth: number = 100;

/** Cards have none; a parser looks through the whole text for what each is of. */
export const maxFrontMatterAliases: number = 100;

/** Models are compared and calibrated on a few megabytes of text; more is another file, and would take days. */
export const maxTextBytes: number = 100_000_000;

/** An index of 10,000 shards is under 250 MB; more is another file under that name. */
export const maxIndexBytes: number = 250_000_000;

/** No published checkpoint comes near; a hostile index would exhaust file handles. */
export const maxShards: number = 10_000;

/** Nesting of JSON: the reference reader of safetensors stops here. */
export const maxJsonDepth: number = 128;

/** Read and write in pieces of this size: large enough for the disk, small beside the budget. */
export const chunkBytes: number = 8 * 2 ** 20;

/** Transposed rows are gathered in a panel of this size: a whole matrix of all but the largest models. */
export const panelBytes: number = 64 * 2 ** 20;

/** Tensors of this size and more go to the data file; smaller ones stay in the graph. */
export const externalThreshold: number = 1024;

/** Tensors of this size and more begin on a page, so that they can be mapped. */
export const alignThreshold: number = 2 ** 20;
export const pageBytes: number = 4096;

/** A browser takes no file of 2 GB and more. */
export const maxDataFileBytes: number = 2_000_000_000;

/** Protobuf's own limit; readers in C++ refuse more. */
export const maxProtobufBytes: number = 2 ** 31 - 1;
