package io.satchel.app.open;

import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenOptions.CacheMode;
import io.satchel.vm.api.MachineConfig.DriveKind;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A drive of a machine that is kept, with what is in it.
 *
 * @param unit as {@code MachineConfig.Drive} counts
 * @param file what is opened, or null for an empty CD or floppy drive
 * @param backing which backing files it may bring along
 * @param writing what becomes of what the guest writes
 * @param cache what a flush of the guest's waits for
 * @param serial what a hard disk says that its serial number is; null for Satchel's own
 */
public record Slot(
    DriveKind kind,
    int unit,
    @Nullable Path file,
    BackingPolicy backing,
    Writing writing,
    CacheMode cache,
    @Nullable String serial) {

  /** What becomes of what the guest writes. */
  public enum Writing {
    /** It may not write. */
    REFUSED,
    /** It goes into the file. */
    KEPT,
    /** It goes into a layer that is deleted at the end. */
    THROWN_AWAY
  }

  /** An image that is only read. */
  public static Slot readOnly(DriveKind kind, int unit, @Nullable Path file) {
    return new Slot(
        kind, unit, file, BackingPolicy.SAME_FOLDER, Writing.REFUSED, CacheMode.WRITEBACK, null);
  }
}
