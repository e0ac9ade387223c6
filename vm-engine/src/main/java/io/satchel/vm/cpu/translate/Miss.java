package io.satchel.vm.cpu.translate;

/** A region cannot do the instruction that it is at: the interpreter has to. */
final class Miss extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** The one there is: throwing it allocates nothing. */
  static final Miss INSTANCE = new Miss();

  private Miss() {
    super(null, null, false, false);
  }
}
