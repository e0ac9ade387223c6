package io.satchel.vm.snapshot;

import java.io.IOException;

/** A saved state that cannot be understood; the message names the device and the field. */
public final class StateFormatException extends IOException {

  private static final long serialVersionUID = 1L;

  public StateFormatException(String message) {
    super(message);
  }
}
