package io.satchel.vm.cpu.translate;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** What the translator tells Java Flight Recorder. */
final class Events {

  private Events() {}

  /** A region became a class; the event's duration is what that took. */
  @Name("io.satchel.RegionTranslated")
  @Label("Region translated")
  @Category("Satchel")
  @StackTrace(false)
  static final class Translated extends Event {
    @Label("Linear address")
    long linear;

    @Label("Mode")
    int mode;

    @Label("Instructions")
    int instructions;

    @Label("Bytes of bytecode")
    int bytes;
  }

  /** A region was dropped because its bytes may have changed. */
  @Name("io.satchel.RegionInvalidated")
  @Label("Region invalidated")
  @Category("Satchel")
  @StackTrace(false)
  static final class Invalidated extends Event {
    @Label("Linear address")
    long linear;

    @Label("Host page")
    int hostPage;

    @Label("Times that this place was rewritten")
    int times;

    @Label("Instructions for which it is left to the interpreter")
    long waits;
  }

  /** An instruction kept leaving its region. */
  @Name("io.satchel.ExitStorm")
  @Label("Exit storm")
  @Category("Satchel")
  @StackTrace(false)
  static final class ExitStorm extends Event {
    @Label("Linear address of the instruction")
    long linear;

    @Label("Exits")
    int exits;
  }
}
