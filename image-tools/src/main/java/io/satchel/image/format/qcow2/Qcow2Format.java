package io.satchel.image.format.qcow2;

import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.file.Storage;
import io.satchel.image.format.ImageFormat;
import java.io.IOException;
import java.nio.ByteBuffer;

/** The qcow2 format: recognised, opened and created here. */
public final class Qcow2Format implements ImageFormat {
  @Override
  public String name() {
    return "qcow2";
  }

  @Override
  public boolean probe(ByteBuffer head) {
    return head.limit() >= 8 && head.getInt(0) == Qcow2Header.MAGIC && head.getInt(4) >= 2;
  }

  @Override
  public Qcow2Device open(Storage file, Purpose purpose) throws IOException {
    return open(file, purpose, false);
  }

  /**
   * Opens an image.
   *
   * @param unsafe never wait for the medium; for files that a crash may destroy
   */
  public Qcow2Device open(Storage file, Purpose purpose, boolean unsafe) throws IOException {
    if (!probe(ByteBuffer.allocate(8).putLong(0, headWord(file)))) {
      throw new ImageException(
          Kind.INVALID_REQUEST, file.name(), "is not a qcow2 image", "open it as what it is");
    }
    Qcow2Header header = Qcow2Header.read(file);
    if (header.cryptMethod != Qcow2Header.CRYPT_NONE) {
      throw new ImageException(
          Kind.ENCRYPTED,
          file.name(),
          "is encrypted",
          "convert it to an unencrypted image with qemu-img and its password first");
    }
    boolean use = purpose == Purpose.USE;
    if (use && header.corrupt() && !file.readOnly()) {
      throw new ImageException(
          Kind.CORRUPT,
          file.name(),
          "is marked as corrupt, so it may not be written",
          "repair a copy of it with `satchel img check -r all`",
          72,
          null);
    }
    Qcow2Image image = new Qcow2Image(file, header, unsafe);
    if (use) {
      if (header.dirty() && !file.readOnly()) {
        new Qcow2Check(image).repairDirty();
      }
      Truncation.refuse(image);
    }
    return new Qcow2Device(image, file.readOnly());
  }

  private static long headWord(Storage file) throws IOException {
    ByteBuffer head = ByteBuffer.allocate(8);
    file.read(0, head);
    return head.getLong(0);
  }

  /** Lays out a new, empty image in an empty file. */
  public void create(Storage file, Qcow2Options options) throws IOException {
    Qcow2Creator.create(file, options);
  }
}
