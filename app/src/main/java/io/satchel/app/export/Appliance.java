package io.satchel.app.export;

import io.satchel.app.library.Conversion;
import io.satchel.app.library.Library;
import io.satchel.app.library.Library.Entry;
import io.satchel.app.library.MachineFile.Disk;
import io.satchel.image.Answers;
import io.satchel.image.OpenedImage;
import io.satchel.image.Progress;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Writes a computer as an appliance (DMTF DSP0243): a tar file of its description, the checksums of
 * what follows, and each disk as a stream-optimised VMDK.
 */
public final class Appliance {

  private static final int BUFFER = 1 << 16;

  /** Converting reads every disk, checking and packing the result once more each. */
  private static final int PASSES = 3;

  private Appliance() {}

  private record Part(Path path, String name, long bytes, Disk disk) {}

  /**
   * Writes {@code target}, which appears under its name only when it is whole. The computer is not
   * changed.
   *
   * @param answers what was answered to questions that its disks raised
   */
  public static void write(Entry entry, Answers answers, Path target, Progress progress)
      throws IOException {
    Path folder = target.toAbsolutePath().getParent();
    Path work = Files.createTempDirectory(folder, ".satchel-export");
    try {
      List<Disk> disks = entry.machine().disks();
      int steps = Math.max(1, disks.size()) * PASSES;
      Steps share = new Steps(progress, steps);
      List<Part> parts = new ArrayList<>();
      for (Disk disk : disks) {
        String name = "disk-" + (parts.size() + 1) + ".vmdk";
        Path path = work.resolve(name);
        try (OpenedImage source = Library.open(entry, disk, answers)) {
          Conversion.stream(source, path, share.next());
          parts.add(new Part(path, name, source.device().size(), disk));
        }
      }
      Path whole = work.resolve("whole.ova");
      pack(entry, parts, whole, share);
      Files.move(whole, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Library.deleteFolder(work);
    }
  }

  private static void pack(Entry entry, List<Part> parts, Path whole, Steps share)
      throws IOException {
    List<OvfDescriptor.Disk> described = new ArrayList<>();
    StringBuilder sums = new StringBuilder();
    for (Part part : parts) {
      described.add(
          new OvfDescriptor.Disk(part.name, Files.size(part.path), part.bytes, part.disk.unit()));
      sums.append(line(part.name, sum(part.path)));
      share.next();
    }
    byte[] descriptor =
        new OvfDescriptor(entry.name(), entry.machine().memoryMib(), described)
            .text()
            .getBytes(StandardCharsets.UTF_8);
    sums.insert(0, line("computer.ovf", HexFormat.of().formatHex(sha256().digest(descriptor))));
    try (TarWriter tar =
        new TarWriter(new BufferedOutputStream(Files.newOutputStream(whole), BUFFER))) {
      tar.add("computer.ovf", descriptor);
      tar.add("computer.mf", sums.toString().getBytes(StandardCharsets.UTF_8));
      for (Part part : parts) {
        tar.add(part.name, part.path, share.next());
      }
    }
  }

  private static String line(String name, String sum) {
    return "SHA256(" + name + ")= " + sum + "\n";
  }

  private static String sum(Path file) throws IOException {
    MessageDigest digest = sha256();
    byte[] chunk = new byte[BUFFER];
    try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
      while (in.read(chunk) >= 0) {
        // The digest sees what is read.
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Makes one progress of several of equal weight. */
  private static final class Steps {
    private static final int WEIGHT = 1 << 20;
    private final Progress whole;
    private final int count;
    private int begun = -1;

    Steps(Progress whole, int count) {
      this.whole = whole;
      this.count = count;
    }

    Progress next() {
      int before = ++begun;
      return (done, total) ->
          whole.at(
              (long) before * WEIGHT + (total == 0 ? 0 : (long) ((double) done / total * WEIGHT)),
              (long) count * WEIGHT);
    }
  }
}
