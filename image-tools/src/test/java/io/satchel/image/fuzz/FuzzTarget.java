package io.satchel.image.fuzz;

import io.satchel.image.Formats;
import io.satchel.image.block.ImageException;
import io.satchel.image.crypt.Passphrase;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.inspect.HiveWalk;
import java.io.IOException;
import java.util.List;
import java.util.Objects;

/** What is fed with damaged images: one a format. */
enum FuzzTarget {
  RAW(() -> ImageSeeds.of("raw"), FuzzTarget::guessed),
  QCOW2(ImageSeeds::qcow2, image("qcow2")),
  QCOW2_EXTENDED(ImageSeeds::qcow2Extended, image("qcow2")),
  QCOW2_DATA_FILE(ImageSeeds::qcow2Data, image("qcow2")),
  QCOW2_BITMAPS(ImageSeeds::qcow2Bitmaps, image("qcow2")),
  QCOW2_PACKED(ImageSeeds::qcow2Packed, image("qcow2")),
  QCOW2_ENCRYPTED(ImageSeeds::qcow2Encrypted, image("qcow2")),
  QCOW(() -> ImageSeeds.of("qcow"), image("qcow")),
  QED(() -> ImageSeeds.of("qed"), image("qed")),
  VDI(() -> ImageSeeds.of("vdi"), image("vdi")),
  VMDK(() -> ImageSeeds.of("vmdk"), image("vmdk")),
  VPC(() -> ImageSeeds.of("vpc"), image("vpc")),
  VHDX(() -> ImageSeeds.of("vhdx"), image("vhdx")),
  PARALLELS(() -> ImageSeeds.of("parallels"), image("parallels")),
  LUKS(ImageSeeds::luks, image("luks")),
  DMG(ImageSeeds::dmg, image("dmg")),
  CLOOP(ImageSeeds::cloop, image("cloop")),
  BOCHS(ImageSeeds::bochs, image("bochs")),
  GZ(ImageSeeds::gz, image("gz")),
  XZ(ImageSeeds::xz, image("xz")),
  ZST(ImageSeeds::zst, image("zst")),
  ZIP(ImageSeeds::zip, image("zip")),
  OVA(ImageSeeds::ova, image("ova")),
  EXT(DiskSeeds::ext, Exercise::disk),
  FAT(DiskSeeds::fat, Exercise::disk),
  EXFAT(DiskSeeds::exfat, Exercise::disk),
  NTFS(DiskSeeds::ntfs, Exercise::disk),
  XFS(DiskSeeds::xfs, Exercise::disk),
  BTRFS(DiskSeeds::btrfs, Exercise::disk),
  LVM(DiskSeeds::lvm, Exercise::disk),
  ISO(DiskSeeds::iso, Exercise::disk),
  PARTITIONS(DiskSeeds::partitions, Exercise::disk),
  HIVE(DiskSeeds::hive, FuzzTarget::hive);

  private interface Making {
    List<Seed> seeds() throws IOException;
  }

  /** What is done with an image. */
  interface Work {
    void on(byte[] image) throws IOException;
  }

  private final Making making;
  private final Work work;

  FuzzTarget(Making making, Work work) {
    this.making = making;
    this.work = work;
  }

  /** The sound images of this target. Skips the test when a tool that makes them is missing. */
  List<Seed> seeds() throws IOException {
    return making.seeds();
  }

  /** Does all to an image; what it throws is a finding. */
  void exercise(byte[] image) throws IOException {
    work.on(image);
  }

  private static Work image(String format) {
    return bytes ->
        Exercise.image(
            Objects.requireNonNull(Formats.named(format)),
            ImageSeeds.tamed(bytes),
            Passphrase.of(ImageSeeds.PASSPHRASE));
  }

  private static void guessed(byte[] bytes) throws IOException {
    ImageFormat format = Exercise.probe(bytes);
    Exercise.image(
        format == null ? Formats.RAW : format,
        ImageSeeds.tamed(bytes),
        Passphrase.of(ImageSeeds.PASSPHRASE));
    Exercise.disk(bytes);
  }

  private static void hive(byte[] bytes) throws IOException {
    try {
      HiveWalk.walk(bytes);
    } catch (ImageException e) {
      Exercise.expected(e);
    }
  }
}
