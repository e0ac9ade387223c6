package io.satchel.app.disks;

import io.satchel.app.library.Conversion;
import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenOptions.BackingPolicy;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import io.satchel.image.block.BlockDevice;
import io.satchel.image.block.ImageException;
import io.satchel.image.format.luks.EncryptedImage;
import io.satchel.image.format.luks.LuksHeader;
import io.satchel.image.format.qcow2.Qcow2Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Encrypts a disk, and changes the pass phrase of one that is. */
final class Encrypting {

  /** How long a computer like this one tries a pass phrase, in milliseconds. */
  private static final long TRY_MILLIS = 2000;

  /** What an image can be done to. */
  enum State {
    PLAIN,
    /** Its pass phrase can be changed. */
    LOCKED,
    /** It is encrypted in an old way that has no pass phrases to be changed. */
    OLD,
    /** It is a machine's and holds snapshots, which a copy would not have. */
    HELD
  }

  private final Library library;
  private final DiskFile file;

  Encrypting(Library library, DiskFile file) {
    this.library = library;
    this.file = file;
  }

  State look() throws IOException {
    try (OpenedImage image = file.open()) {
      Qcow2Device device = Images.qcow2(image.chain().getFirst().device());
      State state = state(image);
      boolean lost = file.entry() != null && device != null && !device.snapshots().list().isEmpty();
      return lost && state != State.LOCKED ? State.HELD : state;
    }
  }

  /** Where the encrypted disk of a machine goes: into its folder, under a name that is free. */
  @Nullable Path ofMachine() {
    Entry entry = file.entry();
    if (entry == null) {
      return null;
    }
    for (int i = 1; ; i++) {
      Path candidate = entry.folder().resolve("encrypted-" + i + ".qcow2");
      if (!Files.exists(candidate)) {
        return candidate;
      }
    }
  }

  private static State state(OpenedImage image) {
    BlockDevice top = image.chain().getFirst().device();
    if (top instanceof EncryptedImage encrypted && encrypted.luks() != null) {
      return State.LOCKED;
    }
    Qcow2Device device = Images.qcow2(top);
    return device != null && device.encrypted() ? State.OLD : State.PLAIN;
  }

  /**
   * Writes the disk, with all that it lies over, to a new qcow2 image that is encrypted; a machine
   * uses that from then on.
   */
  void run(Path target, byte[] phrase, Progress progress) throws IOException {
    try (OpenedImage source = file.open()) {
      Conversion.encrypted(source, target, phrase, progress);
    }
    Entry entry = file.entry();
    Disk disk = file.disk();
    if (entry != null && disk != null) {
      library.replaceDisk(entry, disk, target);
    }
  }

  /**
   * Makes {@code fresh} open the disk, and {@code old} no more. At every moment one of them does.
   *
   * @throws ImageException of the kind WRONG_PASSPHRASE when {@code old} is another
   */
  void change(byte[] old, byte[] fresh) throws IOException {
    OpenOptions alone =
        OpenOptions.forWriting()
            .withBacking(BackingPolicy.NONE)
            .withAnswers(file.answers().withKey(file.path(), old));
    try (OpenedImage image = Images.open(file.path(), alone)) {
      LuksHeader header =
          image.chain().getFirst().device() instanceof EncryptedImage encrypted
              ? encrypted.luks()
              : null;
      if (header == null) {
        throw new ImageException(
            ImageException.Kind.INVALID_REQUEST,
            file.path(),
            "has no pass phrase that could be changed",
            "encrypt it into a new file");
      }
      byte[] key = header.unlock(old);
      header.addPassphrase(key, fresh, -1, TRY_MILLIS, false);
      image.device().flush();
      header.erase(old, false);
      image.device().flush();
    }
  }
}
