package io.satchel.image.format.qcow2;

/** What one lookup in the tables found: a run of the disk that is all stored in one way. */
final class Mapping {
  /** How a run is stored. */
  enum Type {
    /** Nothing here: see the backing file. */
    UNALLOCATED,
    /** Reads as zeros, and no host cluster is kept for it. */
    ZERO,
    /** Reads as zeros, although a host cluster is kept for it. */
    ZERO_ALLOCATED,
    /** In the file at {@link Mapping#host}. */
    NORMAL,
    /** In a compressed cluster that {@link Mapping#entry} describes. */
    COMPRESSED
  }

  Type type = Type.UNALLOCATED;

  /** A host cluster is kept, whatever the type; {@link #host} is then its byte. */
  boolean placed;

  /** NORMAL: the byte of the (data) file where the run begins. */
  long host;

  /** The L2 entry of the first cluster. */
  long entry;

  /** Bytes from the asked place on. */
  long length;

  /** NORMAL: every cluster of the run is this table's alone. */
  boolean copied;
}
