package io.satchel.vm.firmware;

import io.satchel.vm.host.DiskBackend;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The machine's drives, as the firmware finds them. */
public interface DriveBay {

  /** The drives that are there, in the order in which the firmware numbers those of a kind. */
  List<Unit> units();

  /** The kinds of drive. */
  enum Kind {
    FLOPPY,
    HARD_DISK,
    CD
  }

  /** A drive. */
  interface Unit {

    Kind kind();

    /**
     * Floppies: 0 (A) or 1 (B). Others: 0 to 3 for IDE primary master, primary slave, secondary
     * master, secondary slave.
     */
    int number();

    /** What is in it now; {@code null} for nothing. Another medium is another object. */
    @Nullable DiskBackend medium();

    /**
     * A floppy drive's type as CMOS byte 10h has it: 1 for 360 KB, 2 for 1.2 MB, 3 for 720 KB, 4
     * for 1.44 MB, 5 for 2.88 MB.
     */
    default int floppyType() {
      DiskBackend medium = medium();
      return medium == null ? 4 : Geometry.floppyType(medium.size());
    }
  }
}
