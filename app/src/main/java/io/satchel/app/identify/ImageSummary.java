package io.satchel.app.identify;

import io.satchel.app.open.Changes;
import io.satchel.app.open.ImageKinds;
import io.satchel.image.Answers;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.format.LayeredDevice;
import io.satchel.image.inspect.Inspector;
import io.satchel.image.inspect.Inspector.Findings;
import io.satchel.image.inspect.Inspector.FoundVolume;
import io.satchel.vm.api.MachineConfig.DriveKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * What an image is, found out by reading it; nothing of it has run.
 *
 * @param kind the drive that it belongs into
 * @param findings what the inspector saw
 * @param fileSize the bytes that the file takes
 * @param dirty whether it says itself that it was not closed properly
 * @param chain the files that it consists of, itself first
 * @param keptBefore whether an earlier run has kept changes beside it
 * @param preset the id of the preset that fits
 * @param answers what was answered to questions that it raised
 */
public record ImageSummary(
    Path path,
    DriveKind kind,
    Findings findings,
    long fileSize,
    boolean dirty,
    List<Path> chain,
    boolean keptBefore,
    String preset,
    Answers answers) {

  /** FAT volumes of more than this were made by Windows 95 OSR2 or later. */
  private static final long FAT16_LIMIT = 2L << 30;

  /**
   * Looks at an image.
   *
   * @throws IOException if it is none, in one sentence
   */
  public static ImageSummary of(Path path) throws IOException {
    return of(path, Answers.none());
  }

  /** As {@link #of(Path)}, with what was answered to questions that the image raised. */
  public static ImageSummary of(Path path, Answers answers) throws IOException {
    DriveKind kind = ImageKinds.of(path, answers);
    OpenOptions look = OpenOptions.readOnly().withLocking(false).withAnswers(answers);
    try (OpenedImage image = Images.open(path, look)) {
      Findings findings = Inspector.inspect(image);
      boolean dirty =
          image.chain().getFirst().device() instanceof LayeredDevice device && device.dirty();
      return new ImageSummary(
          path,
          kind,
          findings,
          Files.size(path),
          dirty,
          image.chain().stream().map(OpenedImage.Layer::path).toList(),
          Changes.keptBeside(path),
          guess(kind, findings),
          answers);
    }
  }

  /** What the inspector says, else the likeliest system by the file systems alone. */
  private static String guess(DriveKind kind, Findings findings) {
    String found = findings.preset();
    if (found != null) {
      return found;
    }
    if (kind == DriveKind.FLOPPY) {
      return "ms-dos";
    }
    for (FoundVolume each : findings.fileSystems()) {
      String name = each.kind().toLowerCase(Locale.ROOT);
      if (name.startsWith("ntfs")) {
        return "windows-xp";
      }
      if (name.startsWith("ext")) {
        return "linux";
      }
      if (name.startsWith("fat")) {
        return each.size() > FAT16_LIMIT || name.contains("32") ? "windows-98" : "ms-dos";
      }
    }
    return "unknown";
  }

  /** Whether the guest's file systems were left in order. */
  public boolean clean() {
    return !dirty && findings.fileSystems().stream().allMatch(each -> each.problem() == null);
  }

  /** Whether nothing that could start was found. */
  public boolean bootless() {
    return findings.firmware() == Inspector.Firmware.NONE && kind != DriveKind.FLOPPY;
  }

  /** Whether it starts only with a firmware that the machine does not have. */
  public boolean uefiOnly() {
    return findings.firmware() == Inspector.Firmware.UEFI;
  }
}
