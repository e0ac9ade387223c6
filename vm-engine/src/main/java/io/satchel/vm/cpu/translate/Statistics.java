package io.satchel.vm.cpu.translate;

/** What the translator has done for a machine. Written by the machine's thread. */
public final class Statistics {

  /** Regions that are there. */
  public long regions;

  /** Bytes of their methods. */
  public long bytes;

  /** Bytes of the longest of them. */
  public int longest;

  /** Regions found. */
  public long scanned;

  /** Places that are not worth a region. */
  public long rejected;

  /** Methods that came out too long. */
  public long tooLong;

  /** Regions dropped because their bytes may have changed. */
  public long invalidated;

  /** Times that hot code was left to the interpreter because it keeps being rewritten. */
  public long waited;

  /** Regions dropped to make room. */
  public long evicted;

  /** Regions made again with an access that is no plain memory as a call. */
  public long slowSites;

  /** Regions made again because a computed jump always leads to one place. */
  public long foreseen;

  /** Nanoseconds that translations took; written by the thread that does them. */
  public volatile long translatingNanos;

  /** Entries from the interpreter. */
  public long entered;

  /** Ways from region to region. */
  public long chained;

  /** Instructions that retired in regions. */
  public long instructions;

  // Why compiled code was left for the interpreter.

  /** There is no region at the target of a jump. */
  public long noRegion;

  /** The instruction is none for regions. */
  public long stopped;

  /** An access missed the soft TLB. */
  public long missed;

  /** An effect changed the course, or faulted. */
  public long diverted;

  /** Something is pending, or the budget is near its end. */
  public long attention;

  /** The code is mapped elsewhere now. */
  public long moved;

  /** The figures in lines for a person. */
  @Override
  public String toString() {
    return """
    regions %d with %d bytes, %d the longest; found %d, rejected %d places, too long %d
    dropped: invalidated %d (%d waits), evicted %d, made again for a device %d, for a target %d
    entered %d, chained %d, %.1f million instructions
    left: no region %d, stopped %d, missed %d, diverted %d, attention %d, moved %d\
    """
        .formatted(
            regions,
            bytes,
            longest,
            scanned,
            rejected,
            tooLong,
            invalidated,
            waited,
            evicted,
            slowSites,
            foreseen,
            entered,
            chained,
            instructions / 1e6,
            noRegion,
            stopped,
            missed,
            diverted,
            attention,
            moved);
  }
}
