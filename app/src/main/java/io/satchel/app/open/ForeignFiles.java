package io.satchel.app.open;

import io.satchel.app.common.Problem;
import io.satchel.image.OpenedImage;
import io.satchel.image.block.BlockDevice;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Files that are surely not what a machine starts from. Any file can be taken for a raw disk, so
 * without this a downloaded archive or web page would show as an unbootable disk.
 */
final class ForeignFiles {

  private static final int SECTOR = 512;

  /** Enough for every signature of the list. */
  private static final int HEAD = 1024;

  /** Bytes of a file that tell what it is; as Latin-1. */
  private record Signature(int offset, String bytes, String key, String name) {
    boolean matches(String head) {
      return head.regionMatches(offset, bytes, 0, bytes.length());
    }
  }

  private static final String ARCHIVE = "problem.file.archive";
  private static final String PACKED = "problem.file.packed";

  private static final List<Signature> SIGNATURES =
      List.of(
          new Signature(0, "PK\3\4", ARCHIVE, "ZIP"),
          new Signature(0, "\u001f\u008b", PACKED, "gzip"),
          new Signature(0, "\u00fd7zXZ\0", PACKED, "xz"),
          new Signature(0, "(\u00b5/\u00fd", PACKED, "zstd"),
          new Signature(0, "BZh", PACKED, "bzip2"),
          new Signature(0, "7z\u00bc\u00af\u0027\u001c", ARCHIVE, "7-Zip"),
          new Signature(0, "Rar!\u001a\7", ARCHIVE, "RAR"),
          new Signature(257, "ustar", ARCHIVE, "tar"),
          new Signature(0, "%PDF", "problem.file.pdf", "PDF"),
          new Signature(0, "\u007fELF", "problem.file.program", "ELF"));

  private static final List<String> WEB_PAGE = List.of("<!doctype html", "<html");

  private ForeignFiles() {}

  /**
   * Refuses an image that was taken for a raw disk and is something else.
   *
   * @throws IOException in one sentence, when it is
   */
  static void check(OpenedImage image) throws IOException {
    if (!image.format().equals("raw")) {
      return;
    }
    String head = head(image.device());
    boolean bootSector = head.regionMatches(SECTOR - 2, "U\u00aa", 0, 2);
    if (bootSector) {
      return;
    }
    Path file = image.path();
    for (Signature signature : SIGNATURES) {
      if (signature.matches(head)) {
        throw new Problem(signature.key, file, signature.name);
      }
    }
    String start = head.stripLeading().toLowerCase(Locale.ROOT);
    if (WEB_PAGE.stream().anyMatch(start::startsWith)) {
      throw new Problem("problem.file.web", file);
    }
    if (Files.size(file) % SECTOR != 0) {
      throw new Problem("problem.file.nothing", file);
    }
  }

  private static String head(BlockDevice device) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(HEAD, device.size()));
    device.read(0, bytes);
    return new String(bytes.array(), StandardCharsets.ISO_8859_1);
  }
}
