package io.satchel.vm.device;

/**
 * A device of the board. It is called only by the holder of the machine's lock and takes no lock
 * itself.
 *
 * @param <S> its whole state as plain data: numbers, booleans, strings, enums, arrays of numbers,
 *     lists and records of these. A pending event is kept as its due time.
 */
public interface Device<S extends Record> {

  /**
   * A name that is unique in the machine and stays the same for ever: it is the key in a snapshot.
   */
  String name();

  /** What the RESET line does; also the state at power-on. */
  void reset();

  /** A copy of the state that shares no array with the device. */
  S state();

  /** Becomes what {@code state} says, mappings, interrupt lines and pending events included. */
  void restore(S state);
}
