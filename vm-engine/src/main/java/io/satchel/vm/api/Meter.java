package io.satchel.vm.api;

import java.util.Map;

/** Measures what a machine's time goes to, until it is closed. Any one thread may use it. */
public interface Meter extends AutoCloseable {

  /** What has been since the last reading, or since the meter was opened. */
  Reading read();

  @Override
  void close();

  /** What the host's time goes to, from the machine's point of view. */
  enum Use {
    /** The processors wait for an interrupt, and no drive is at work. */
    IDLE,
    /** The processors wait for an interrupt while a drive is at work. */
    DISK,
    /** The machine is held to a speed and has done its share. */
    HELD,
    /** Translated code that HotSpot has had time to compile. */
    TRANSLATED,
    /** Translated code that is too new, or was used too seldom, for HotSpot to have compiled it. */
    WARMING,
    /** Code that is interpreted, and everything that devices do. */
    INTERPRETED,
    /** The machine could go on, but the host's processors are at something else. */
    HOST_BUSY
  }

  /** Why translated code was left for the interpreter. */
  enum Exit {
    /** There is no region at the target of a jump. */
    NO_REGION,
    /** The instruction is none for regions. */
    STOPPED,
    /** A memory access had no translation at hand. */
    MISSED,
    /** An instruction changed the course, or faulted. */
    DIVERTED,
    /** An interrupt or an event was due. */
    ATTENTION,
    /** The code is mapped elsewhere now. */
    MOVED
  }

  /**
   * A reading.
   *
   * @param nanos of the host's time that it covers, without those in which the machine was paused
   * @param shares what they went to, 0 to 1; all zero when {@code nanos} is
   * @param instructions executed
   * @param translated of these, in regions
   * @param compilingNanos that HotSpot spent on compiling in this process, on threads of its own
   * @param translatingNanos that the translator spent, on its own thread
   * @param regions that there are
   * @param bytes of bytecode in them
   * @param invalidated regions dropped because their code was written to
   * @param exits by cause
   */
  record Reading(
      long nanos,
      Map<Use, Double> shares,
      long instructions,
      long translated,
      long compilingNanos,
      long translatingNanos,
      long regions,
      long bytes,
      long invalidated,
      Map<Exit, Long> exits) {

    public Reading {
      shares = Map.copyOf(shares);
      exits = Map.copyOf(exits);
    }

    /** The share of one use. */
    public double share(Use use) {
      return shares.getOrDefault(use, 0.0);
    }

    /** How often translated code was left for one cause. */
    public long exits(Exit cause) {
      return exits.getOrDefault(cause, 0L);
    }
  }
}
