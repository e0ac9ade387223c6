package io.satchel.app.launch;

import io.satchel.app.library.DataFolder;
import io.satchel.app.library.Library;
import io.satchel.app.library.MachineRun;
import io.satchel.app.open.Session;
import io.satchel.vm.api.MachineEvents;
import java.nio.file.Path;
import java.time.Duration;

/** A program that runs a machine of the library until it is killed. */
final class KilledRun {

  private static final int PAUSE_MILLIS = 100;

  private KilledRun() {}

  /** Takes the person's folder and the machine's; says {@code written} when the guest has. */
  public static void main(String[] arguments) throws Exception {
    Library library = new Library(DataFolder.of(Path.of(arguments[0])));
    MachineRun run = MachineRun.prepare(library, library.read(Path.of(arguments[1])));
    Session session = Session.open(run.request(), run.slots(), new MachineEvents() {});
    session.flushEvery(Duration.ofMillis(PAUSE_MILLIS));
    session.machine().start();
    while (session.machine().status().diskWrittenBytes() == 0) {
      Thread.sleep(PAUSE_MILLIS);
    }
    Thread.sleep(20 * PAUSE_MILLIS);
    System.out.println("written");
    Thread.sleep(Long.MAX_VALUE);
  }
}
