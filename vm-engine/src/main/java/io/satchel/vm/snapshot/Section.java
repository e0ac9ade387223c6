package io.satchel.vm.snapshot;

/**
 * The parts of a saved machine's stream, each with its tag, its length, its content and the
 * content's CRC-32C. Numbers are big-endian.
 */
enum Section {
  /** A {@link MachineShape}. First, so that a misfit is found at once. */
  SHAPE('S' << 24 | 'H' << 16 | 'A' << 8 | 'P', 1 << 20),

  /** A PNG picture of the screen, for a list. */
  PICTURE('P' << 24 | 'I' << 16 | 'C' << 8 | 'T', 4 << 20),

  /** A {@link MachineState}. */
  STATE('S' << 24 | 'T' << 16 | 'A' << 8 | 'T', 64 << 20),

  /** Some pages of memory; see {@link MemoryChunk}. */
  MEMORY('M' << 24 | 'E' << 16 | 'M' << 8 | 'O', 2 << 20),

  /** The count of pages that the sections before held: nothing is missing. */
  END('E' << 24 | 'N' << 16 | 'D' << 8 | '!', 4);

  /** "SATCHEL" and the version of the stream. */
  static final long MAGIC = 0x53_41_54_43_48_45_4C_01L;

  final int tag;

  /** Bytes that a reader accepts. */
  final int most;

  Section(int tag, int most) {
    this.tag = tag;
    this.most = most;
  }
}
