package io.satchel.app.open;

import io.satchel.image.Answers;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.block.BlockDevice;
import io.satchel.vm.api.MachineConfig.DriveKind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Set;

/** Which drive an image belongs into, by what it holds. */
public final class ImageKinds {

  private static final int KIB = 1024;
  private static final Set<Integer> FLOPPY_KIB =
      Set.of(160, 180, 320, 360, 720, 1200, 1440, 1680, 1722, 2880);
  private static final int FLOPPY_SECTOR = 512;
  private static final int CD_SECTOR = 2048;

  /** ECMA-119, section 6.2.1: volume descriptors begin at sector 16. */
  private static final int FIRST_DESCRIPTOR = 16;

  private static final int LAST_DESCRIPTOR = 64;

  private ImageKinds() {}

  /** What {@code file} is, or the error that it cannot be opened with. */
  public static DriveKind of(Path file) throws IOException {
    return of(file, Answers.none());
  }

  /** As {@link #of(Path)}, with what was answered to questions that the image raised. */
  public static DriveKind of(Path file, Answers answers) throws IOException {
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly().withAnswers(answers))) {
      return of(image);
    }
  }

  static DriveKind of(OpenedImage image) throws IOException {
    ForeignFiles.check(image);
    BlockDevice device = image.device();
    if (isIso9660(device)) {
      return DriveKind.CD;
    }
    boolean floppySize =
        device.size() % KIB == 0
            && device.size() / KIB <= 2880
            && FLOPPY_KIB.contains((int) (device.size() / KIB));
    return floppySize ? DriveKind.FLOPPY : DriveKind.HARD_DISK;
  }

  /**
   * Whether {@code file} can be put into a floppy drive, whatever else it is: also an image that
   * leaves out the end of its disk, as boot loaders' are.
   */
  static boolean fitsFloppy(Path file) throws IOException {
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      long size = image.device().size();
      return size > 0 && size % FLOPPY_SECTOR == 0 && size <= 2880 * KIB;
    }
  }

  private static boolean isIso9660(BlockDevice device) throws IOException {
    return device.size() >= (FIRST_DESCRIPTOR + 1) * CD_SECTOR
        && "CD001".equals(ascii(device, FIRST_DESCRIPTOR * CD_SECTOR + 1, 5));
  }

  /**
   * Whether a CD has a boot record ("El Torito" Bootable CD-ROM Format Specification 1.0, section
   * 2.0).
   */
  static boolean bootableCd(BlockDevice device) throws IOException {
    for (int sector = FIRST_DESCRIPTOR; sector < LAST_DESCRIPTOR; sector++) {
      long at = (long) sector * CD_SECTOR;
      if (at + CD_SECTOR > device.size() || !"CD001".equals(ascii(device, at + 1, 5))) {
        return false;
      }
      if (ascii(device, at, 1).charAt(0) == 0
          && ascii(device, at + 7, 23).equals("EL TORITO SPECIFICATION")) {
        return true;
      }
    }
    return false;
  }

  private static String ascii(BlockDevice device, long offset, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    device.read(offset, bytes);
    return new String(bytes.array(), StandardCharsets.ISO_8859_1);
  }
}
