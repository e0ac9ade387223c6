package io.satchel.image.format.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.satchel.image.Formats;
import io.satchel.image.ImageModel;
import io.satchel.image.Images;
import io.satchel.image.OpenOptions;
import io.satchel.image.OpenedImage;
import io.satchel.image.QemuImg;
import io.satchel.image.block.ImageException;
import io.satchel.image.block.ImageException.Kind;
import io.satchel.image.cli.ImgCommand;
import io.satchel.image.file.HostFile;
import io.satchel.image.file.LoggedStorage;
import io.satchel.image.file.WriteLog;
import io.satchel.image.format.ImageFormat.Purpose;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The sharp edges of the format, by the numbers under which the project lists them. */
class Qcow2RulesTest {
  private static final int CLUSTER = 65536;
  private static final int MIB = 1 << 20;

  @TempDir Path folder;
  private final LoggedStorage storage = new LoggedStorage();

  private Qcow2Device fresh() throws IOException {
    return fresh(Qcow2Options.ofSize(MIB));
  }

  private Qcow2Device fresh(Qcow2Options options) throws IOException {
    Formats.QCOW2.create(storage, options);
    return open();
  }

  private Qcow2Device open() throws IOException {
    return Formats.QCOW2.open(storage, Purpose.USE);
  }

  private void patch(long offset, int... bytes) throws IOException {
    byte[] b = new byte[bytes.length];
    for (int i = 0; i < b.length; i++) {
      b[i] = (byte) bytes[i];
    }
    storage.write(offset, ByteBuffer.wrap(b));
  }

  private void patchLong(long offset, long value) throws IOException {
    storage.write(offset, ByteBuffer.allocate(8).putLong(0, value));
  }

  private long getLong(long offset) {
    ByteBuffer b = ByteBuffer.allocate(8);
    storage.read(offset, b);
    return b.getLong(0);
  }

  private static void fill(Qcow2Device device, long offset, int length, int value)
      throws IOException {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    device.write(offset, ByteBuffer.wrap(bytes));
  }

  private ImageException openFails() {
    return catchThrowableOfType(ImageException.class, this::open);
  }

  private void refused(Kind kind) {
    ImageException e = openFails();
    assertThat(e).as("an error").isNotNull();
    assertThat(e.kind()).as(e.getMessage()).isEqualTo(kind);
  }

  private int indexOfWrite(long offset) {
    for (int i = 0; i < storage.log().size(); i++) {
      WriteLog.Change c = storage.log().get(i);
      if (c.type() == WriteLog.Type.WRITE
          && c.offset() <= offset
          && offset < c.offset() + c.bytes().length) {
        return i;
      }
    }
    return -1;
  }

  private boolean flushBetween(int from, int to) {
    return storage.log().between(from, to).stream().anyMatch(c -> c.type() == WriteLog.Type.FLUSH);
  }

  @Test
  void rule01DataThenCountsThenL2ThenL1WithFlushesBetween() throws IOException {
    Qcow2Device device = fresh();
    storage.log().clear();
    fill(device, 0, CLUSTER, 7);
    device.flush();
    long l2 = getLong(3 * CLUSTER) & Qcow2Image.OFFSET_MASK;
    long data = getLong(l2) & Qcow2Image.OFFSET_MASK;
    int dataAt = indexOfWrite(data);
    int countsAt = indexOfWrite(2 * CLUSTER);
    int l1At = indexOfWrite(3 * CLUSTER);
    int l2At = -1;
    for (int i = 0; i < storage.log().size(); i++) {
      WriteLog.Change c = storage.log().get(i);
      if (c.offset() == l2 && c.bytes().length > 8 && c.bytes()[0] != 0) {
        l2At = i;
      }
    }
    assertThat(List.of(dataAt, countsAt, l2At, l1At)).isSorted().doesNotContain(-1);
    assertThat(flushBetween(countsAt, l2At)).isTrue();
    assertThat(flushBetween(l2At, l1At)).isTrue();
  }

  @Test
  void rule02ATableThatTheCountsCallFreeIsNotHandedOut() throws IOException {
    Qcow2Device device = fresh();
    fill(device, 0, 512, 7);
    device.close();
    long l2 = getLong(3 * CLUSTER) & Qcow2Image.OFFSET_MASK;
    patch(2 * CLUSTER + l2 / CLUSTER * 2, 0, 0);
    Qcow2Device again = open();
    assertThatThrownBy(() -> fill(again, 5 * CLUSTER, 512, 8))
        .isInstanceOf(ImageException.class)
        .hasMessageContaining("counts one of its own tables as free");
    assertThat(ImageModel.read(again, 0, 1)).containsExactly(7);
  }

  @Test
  void rule03AFreedClusterIsPunchedBeforeItIsUsedAgain() throws IOException {
    Qcow2Device device = fresh();
    fill(device, 0, CLUSTER, 7);
    device.flush();
    final long data = device.status(0, 1).offset();
    storage.log().clear();
    device.discard(0, CLUSTER);
    fill(device, CLUSTER, CLUSTER, 8);
    assertThat(device.status(CLUSTER, 1).offset()).isNotEqualTo(data);
    device.flush();
    fill(device, 2 * CLUSTER, CLUSTER, 9);
    assertThat(device.status(2 * CLUSTER, 1).offset()).isEqualTo(data);
    int punched = indexOfWrite(data);
    assertThat(storage.log().get(punched).bytes()).containsOnly(0);
  }

  @Test
  void rule04CopiedIsSetExactlyWhereTheCountIsOne() throws IOException {
    Qcow2Device device = fresh();
    fill(device, 0, CLUSTER, 7);
    byte[] packed = {0x4b, 0x04, 0x00};
    device.packed().write(CLUSTER, packed, 3);
    device.flush();
    long l1 = getLong(3 * CLUSTER);
    assertThat(l1).isNegative();
    long l2 = l1 & Qcow2Image.OFFSET_MASK;
    assertThat(getLong(l2)).isNegative();
    assertThat(getLong(l2 + 8) >>> 62).as("compressed, not copied").isEqualTo(1);
  }

  @Test
  void rule05SnapshotsTakeCopiedAwayAndGiveItBack() throws IOException {
    Qcow2Device device = fresh();
    fill(device, 0, CLUSTER, 7);
    device.snapshots().create("s", Instant.EPOCH, 0, 0);
    long l1 = getLong(3 * CLUSTER);
    assertThat(l1).isPositive();
    assertThat(getLong(l1 & Qcow2Image.OFFSET_MASK)).isPositive();
    device.snapshots().delete("s");
    device.flush();
    assertThat(getLong(3 * CLUSTER)).isNegative();
    assertThat(getLong(l1 & Qcow2Image.OFFSET_MASK)).isNegative();
    assertThat(device.check(false, false).messages()).isEmpty();
  }

  @Test
  void rule06NothingButTheHeaderLiesAtOffsetZero() throws IOException {
    Qcow2Device device = fresh();
    fill(device, 0, 512, 7);
    device.close();
    // The header's own cluster counts as free: it is not handed out for all that.
    patch(2 * CLUSTER, 0, 0);
    Qcow2Device again = open();
    fill(again, 3 * CLUSTER, CLUSTER, 8);
    assertThat(again.status(3 * CLUSTER, 1).offset()).isGreaterThan(CLUSTER);
    again.close();
    patchLong(48, 0);
    refused(Kind.CORRUPT);
  }

  @ParameterizedTest
  @CsvSource({"1, refcount table", "2, refcount block", "3, L1 table", "4, L2 table"})
  void rule07DataThatOverlapsATableIsNotTouched(int cluster, String what) throws IOException {
    Qcow2Device device = fresh();
    fill(device, 0, 512, 7);
    device.close();
    long l2 = getLong(3 * CLUSTER) & Qcow2Image.OFFSET_MASK;
    assertThat(l2).isEqualTo(4L * CLUSTER);
    patchLong(l2 + 8, (long) cluster * CLUSTER | Qcow2Image.COPIED);
    Qcow2Device again = open();
    assertThatThrownBy(() -> fill(again, CLUSTER, 512, 1))
        .as(what)
        .isInstanceOf(ImageException.class)
        .hasMessageContaining("impossible place");
  }

  @Test
  void rule08HeaderLengthsAndCountWidths() throws IOException {
    fresh(Qcow2Options.ofSize(MIB).withVersion(2)).close();
    assertThat(getLong(72)).as("version 2: the extensions begin at 72").isZero();
    patch(7, 3);
    patch(100, 0, 0, 0, 72);
    refused(Kind.CORRUPT);
    patch(100, 0, 0, 0, 106);
    refused(Kind.CORRUPT);
    patch(100, 0, 0, 0, 104);
    patch(96, 0, 0, 0, 7);
    refused(Kind.CORRUPT);
    patch(96, 0, 0, 0, 4);
    open().close();
  }

  @Test
  void rule09AnUnknownIncompatibleBitIsRefusedByName() throws IOException {
    fresh().close();
    patch(72, 0x40);
    assertThat(openFails().kind()).isEqualTo(Kind.UNSUPPORTED);
    assertThat(openFails()).hasMessageContaining("incompatible feature bit 62");
  }

  @Test
  void rule10UnknownAutoclearBitsGoWithTheFirstWriteOnly() throws IOException {
    fresh().close();
    patchLong(88, 0xf000_0000_0000_0000L);
    Qcow2Device device = open();
    ImageModel.read(device, 0, 512);
    device.flush();
    assertThat(getLong(88)).isEqualTo(0xf000_0000_0000_0000L);
    fill(device, 0, 512, 1);
    assertThat(getLong(88)).isZero();
  }

  @Test
  void rule11DirtyIsRebuiltAndCorruptIsReadOnly() throws IOException {
    Qcow2Device device = fresh(Qcow2Options.ofSize(MIB).withLazyRefcounts(true));
    fill(device, 0, CLUSTER, 7);
    device.close();
    long data = getLong(getLong(3 * CLUSTER) & Qcow2Image.OFFSET_MASK) & Qcow2Image.OFFSET_MASK;
    patch(2 * CLUSTER + data / CLUSTER * 2, 0, 0);
    patch(79, 1);
    Qcow2Device again = open();
    assertThat(getLong(72)).isZero();
    assertThat(again.check(false, false).messages()).isEmpty();
    fill(again, CLUSTER, CLUSTER, 8);
    assertThat(ImageModel.read(again, 0, 1)).containsExactly(7);
    again.close();
    patch(79, 2);
    refused(Kind.CORRUPT);
    Path file = folder.resolve("corrupt.qcow2");
    ByteBuffer all = ByteBuffer.allocate((int) storage.size());
    storage.read(0, all);
    Files.write(file, all.array());
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      assertThat(ImageModel.read(image.device(), 0, 1)).containsExactly(7);
    }
  }

  @Test
  void rule12WhatIsNotKnownIsKept() throws IOException {
    Qcow2Device device = fresh();
    device.snapshots().create("s", Instant.EPOCH, 0, 0);
    device.close();
    // A longer header, an extension and snapshot data of a program from the future.
    Qcow2Header header = Qcow2Header.read(storage);
    header.headerLength = 136;
    header.furtherFields = new byte[31];
    header.furtherFields[30] = 77;
    header.setExtension(0x12345678, new byte[] {1, 2, 3});
    header.write(storage);
    Qcow2Device again = open();
    Snapshot s = again.image.snapshots.getFirst();
    Snapshot rich =
        new Snapshot(
            s.l1Offset(),
            s.l1Size(),
            s.id(),
            s.name(),
            1,
            2,
            3,
            0,
            s.diskSize(),
            5,
            new byte[] {9, 8, 7},
            27);
    again.image.snapshots = new java.util.ArrayList<>(List.of(rich));
    again.snapshots().create("t", Instant.EPOCH, 0, 0);
    again.amend().setBacking("none", "raw");
    again.close();
    Qcow2Header kept = Qcow2Header.read(storage);
    assertThat(kept.headerLength).isEqualTo(136);
    assertThat(kept.furtherFields[30]).isEqualTo((byte) 77);
    assertThat(kept.extension(0x12345678)).containsExactly(1, 2, 3);
    Snapshot found = open().image.snapshots.getFirst();
    assertThat(found.furtherData()).containsExactly(9, 8, 7);
    assertThat(found.instructions()).isEqualTo(5);
  }

  @Test
  void rule13APackedClusterMayCrossClustersAndStopsAfterOne() throws IOException {
    byte[] two = new byte[8192];
    Arrays.fill(two, (byte) 5);
    byte[] packed = new byte[4096];
    int length;
    try (ClusterCodec large = ClusterCodec.of(false, 8192);
        ClusterCodec small = ClusterCodec.of(false, 4096)) {
      length = large.pack(two, packed, 1);
      byte[] out = new byte[4096];
      assertThat(small.unpack(packed, length, out)).isTrue();
      assertThat(out).containsOnly(5);
      assertThat(large.unpack(packed, length / 2, two)).isFalse();
    }
    Qcow2Device device = fresh(Qcow2Options.ofSize(MIB).withClusterBits(12));
    Random random = new Random(1);
    byte[][] plain = new byte[40][4096];
    boolean crossed = false;
    try (ClusterCodec codec = ClusterCodec.of(false, 4096)) {
      for (int i = 0; i < plain.length; i++) {
        for (int j = 0; j < 4096; j++) {
          plain[i][j] = (byte) random.nextInt(40);
        }
        byte[] room = new byte[4095];
        device.packed().write(i * 4096L, room, codec.pack(plain[i], room, 6));
        long entry = device.image.l2Entry(device.image.l2Table(0), i);
        long first = device.image.compressedOffset(entry);
        crossed |= first >> 12 != first + device.image.compressedLength(entry) - 1 >> 12;
      }
    }
    assertThat(crossed).as("some cluster crosses").isTrue();
    for (int i = 0; i < plain.length; i++) {
      assertThat(ImageModel.read(device, i * 4096L, 4096)).isEqualTo(plain[i]);
    }
  }

  @Test
  void rule14PackedClustersShareAndAreNeverOverwrittenInPlace() throws IOException {
    Qcow2Device device = fresh();
    byte[] plain = new byte[CLUSTER];
    Arrays.fill(plain, (byte) 3);
    byte[] room = new byte[CLUSTER - 1];
    int length;
    try (ClusterCodec codec = ClusterCodec.of(false, CLUSTER)) {
      length = codec.pack(plain, room, 6);
    }
    device.packed().write(0, room, length);
    device.packed().write(CLUSTER, room, length);
    long entry = device.image.l2Entry(device.image.l2Table(0), 0);
    long host = device.image.compressedOffset(entry) >> 16;
    assertThat(device.image.refcounts.get(host)).isEqualTo(2);
    fill(device, 0, 512, 9);
    device.flush();
    assertThat(device.image.refcounts.get(host)).isEqualTo(1);
    assertThat(ImageModel.read(device, CLUSTER, CLUSTER)).containsOnly(3);
    assertThat(ImageModel.read(device, 512, CLUSTER - 512)).containsOnly(3);
    assertThat(device.check(false, false).messages()).isEmpty();
  }

  @Test
  void rule15TheCompressionBitAndTheFieldAgree() throws IOException {
    fresh().close();
    patch(104, 1);
    refused(Kind.CORRUPT);
    patch(104, 0);
    patch(79, 8);
    refused(Kind.CORRUPT);
    patch(104, 1);
    open().close();
    patch(104, 2);
    refused(Kind.UNSUPPORTED);
  }

  @Test
  void rule16ASubclusterIsNotBothStoredAndZero() throws IOException {
    Qcow2Device device = fresh(Qcow2Options.ofSize(MIB).withExtendedL2(true));
    fill(device, 0, 2048, 7);
    device.close();
    long l2 = getLong(3 * CLUSTER) & Qcow2Image.OFFSET_MASK;
    assertThat(getLong(l2 + 8)).isEqualTo(1);
    patchLong(l2 + 8, 1L << 32 | 1);
    Qcow2Device again = open();
    assertThatThrownBy(() -> ImageModel.read(again, 0, 512))
        .isInstanceOf(ImageException.class)
        .hasMessageContaining("subcluster");
    patchLong(l2 + 16, Qcow2Image.COMPRESSED | 5 * CLUSTER);
    patchLong(l2 + 24, 1);
    Qcow2Device third = open();
    assertThatThrownBy(() -> ImageModel.read(third, CLUSTER, 512))
        .isInstanceOf(ImageException.class);
  }

  @Test
  void rule17AnExternalDataFileHasNoSnapshotsAndNoCompression() throws IOException {
    Path file = folder.resolve("meta.qcow2");
    Images.create(file, "qcow2", MIB, Map.of("data_file", "data.raw", "data_file_raw", "on"));
    try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
      Qcow2Device device = (Qcow2Device) image.device();
      fill(device, 3 * CLUSTER, 512, 7);
      assertThat(device.status(3 * CLUSTER, 512).offset()).isEqualTo(3 * CLUSTER);
      assertThatThrownBy(() -> device.snapshots().create("s", Instant.EPOCH, 0, 0))
          .isInstanceOf(ImageException.class);
      assertThatThrownBy(() -> device.packed().write(0, new byte[8], 8))
          .isInstanceOf(ImageException.class);
    }
    assertThat(Files.readAllBytes(folder.resolve("data.raw"))[3 * CLUSTER]).isEqualTo((byte) 7);
    assertThatThrownBy(
            () ->
                Images.create(
                    folder.resolve("x.qcow2"),
                    "qcow2",
                    MIB,
                    Map.of("data_file", "d", "data_file_raw", "on", "backing_file", "b")))
        .isInstanceOf(ImageException.class);
  }

  @Test
  void rule18StaleBackingDataNeverShows() throws IOException {
    byte[] below = new byte[MIB];
    Arrays.fill(below, (byte) 5);
    Files.write(folder.resolve("base.raw"), below);
    for (String compat : new String[] {"0.10", "1.1"}) {
      Path file = folder.resolve("over" + compat + ".qcow2");
      Images.create(
          file,
          "qcow2",
          MIB + CLUSTER,
          Map.of("backing_file", "base.raw", "backing_fmt", "raw", "compat", compat));
      try (OpenedImage image = Images.open(file, OpenOptions.forWriting())) {
        Qcow2Device device = (Qcow2Device) image.device();
        assertThat(ImageModel.read(device, MIB, CLUSTER)).as("past the backing").containsOnly(0);
        device.writeZeroes(CLUSTER, 2 * CLUSTER, true);
        assertThat(ImageModel.read(device, CLUSTER, 2 * CLUSTER)).containsOnly(0);
        device.resize(CLUSTER / 2);
        device.resize(MIB);
        assertThat(ImageModel.read(device, 0, CLUSTER / 2)).containsOnly(5);
        assertThat(ImageModel.read(device, CLUSTER / 2, MIB - CLUSTER / 2)).containsOnly(0);
      }
      QemuImg.checkClean(file);
      QemuImg.io(file, "read -P 0 32k 992k");
    }
  }

  @Test
  void rule19VmStateLiesPastTheDisk() throws IOException {
    Qcow2Device device = fresh();
    fill(device, 0, 512, 1);
    byte[] state = new byte[300_000];
    new Random(2).nextBytes(state);
    device.vmState().write(0, ByteBuffer.wrap(state));
    device.snapshots().create("live", Instant.EPOCH, 1_500_000_000L, state.length);
    fill(device, 0, 512, 2);
    device.resize(3 * MIB);
    device.flush();
    assertThat(device.check(false, false).messages()).isEmpty();
    ByteBuffer all = ByteBuffer.allocate((int) storage.size());
    storage.read(0, all);
    Path file = Files.write(folder.resolve("vm.qcow2"), all.array());
    assertThat(QemuImg.ok("snapshot", "-l", file)).contains("live", "293 KiB", "00:00:01.500");
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      Qcow2Device old = (Qcow2Device) image.device();
      old.snapshots().show("live");
      assertThat(old.size()).isEqualTo(MIB);
      ByteBuffer found = ByteBuffer.allocate(state.length);
      old.vmState().read(0, found);
      assertThat(found.array()).isEqualTo(state);
      assertThat(ImageModel.read(old, 0, 1)).containsExactly(1);
    }
  }

  @Test
  void rule20ShrinkingIsAskedForAndTheL1TableMovesWhole() throws IOException {
    Path file = folder.resolve("size.qcow2");
    Images.create(file, "qcow2", MIB, Map.of("cluster_size", "512"));
    PrintStream nowhere = new PrintStream(new ByteArrayOutputStream());
    String name = file.toString();
    assertThat(ImgCommand.run(nowhere, nowhere, "resize", name, "512k")).isEqualTo(1);
    assertThat(ImgCommand.run(nowhere, nowhere, "resize", "--shrink", name, "512k")).isZero();
    QemuImg.io(file, "write -P 6 0 512k");
    assertThat(ImgCommand.run(nowhere, nowhere, "snapshot", "-c", "s", name)).isZero();
    assertThat(ImgCommand.run(nowhere, nowhere, "resize", name, "64M")).isZero();
    QemuImg.checkClean(file);
    QemuImg.io(file, "read -P 6 0 512k", "read -P 0 512k 1M");
    QemuImg.ok("snapshot", "-a", "s", file);
    QemuImg.checkClean(file);
  }

  @Test
  void rule21NarrowCountsDoNotOverflow() throws IOException {
    Qcow2Device device = fresh(Qcow2Options.ofSize(MIB).withRefcountOrder(0).withClusterBits(9));
    fill(device, 0, MIB, 7);
    assertThatThrownBy(() -> device.snapshots().create("s", Instant.EPOCH, 0, 0))
        .isInstanceOf(ImageException.class)
        .hasMessageContaining("cannot count more than 1 reference");
    device.flush();
    device.flush();
    assertThat(device.snapshots().list()).isEmpty();
    assertThat(device.check(false, false).messages()).isEmpty();
    Qcow2Device wide = new Qcow2RulesTest().growing();
    assertThat(wide.check(false, false).messages()).as("blocks count themselves").isEmpty();
  }

  private Qcow2Device growing() throws IOException {
    Qcow2Device device =
        fresh(Qcow2Options.ofSize(8 * MIB).withRefcountOrder(6).withClusterBits(9));
    fill(device, 0, 8 * MIB, 7);
    device.flush();
    device.flush();
    assertThat(device.image.header.refcountTableClusters).isGreaterThan(1);
    return device;
  }

  @Test
  void rule22NamesResolveAgainstTheOverlayAndColonsAreNoProtocols() throws IOException {
    Path sub = Files.createDirectory(folder.resolve("sub"));
    byte[] below = new byte[512];
    below[0] = 42;
    Files.write(sub.resolve("image:base.raw"), below);
    Path file = sub.resolve("a:b.qcow2");
    Images.create(
        file, "qcow2", 512, Map.of("backing_file", "image:base.raw", "backing_fmt", "raw"));
    try (OpenedImage image = Images.open(file, OpenOptions.readOnly())) {
      assertThat(ImageModel.read(image.device(), 0, 1)).containsExactly(42);
    }
    Path self = folder.resolve("self.qcow2");
    Images.create(self, "qcow2", 512, Map.of("backing_file", "self.qcow2", "backing_fmt", "qcow2"));
    assertThatThrownBy(() -> Images.open(self, OpenOptions.readOnly()).close())
        .hasMessageContaining("its own backing file");
  }

  @Test
  void rule23AGuestWritableRawIsNeverBelievedToBeAnotherFormat() throws IOException {
    Path base = Files.write(folder.resolve("base.raw"), new byte[MIB]);
    Path file = folder.resolve("over.qcow2");
    io.satchel.image.Overlay.create(file, base);
    try (OpenedImage image = Images.open(file, io.satchel.image.Overlay.openOptions())) {
      image.device().write(0, ByteBuffer.wrap(new byte[] {'Q', 'F', 'I', (byte) 0xfb, 0, 0, 0, 3}));
    }
    assertThatThrownBy(() -> io.satchel.image.Overlay.keep(file, io.satchel.image.Progress.NONE))
        .isInstanceOf(ImageException.class)
        .hasMessageContaining("another format's header");
    assertThat(Images.probe(base)).isEqualTo("raw");
    assertThat(file).exists();
  }

  @Test
  void rule24InfoDoesNotOpenWhatAnImageNames() throws IOException {
    Path file = folder.resolve("lure.qcow2");
    try (HostFile host = HostFile.create(file)) {
      Formats.QCOW2.create(
          host, Qcow2Options.ofSize(512).withBacking("json:{\"driver\":\"file\"}", "raw"));
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    assertThat(ImgCommand.run(new PrintStream(out), new PrintStream(out), "info", file.toString()))
        .isZero();
    assertThat(out.toString()).contains("json:");
    assertThatThrownBy(() -> Images.open(file, OpenOptions.readOnly()).close())
        .isInstanceOf(ImageException.class);
  }

  @ParameterizedTest
  @CsvSource({
    "20, 8",
    "20, 22",
    "20, -1",
    "36, 4194305",
    "36, -1",
    "56, 129",
    "56, 0",
    "56, -1",
    "60, 65537",
    "60, -1",
    "16, 1024",
    "16, -1"
  })
  void rule25CraftedSizesAreRefusedBeforeAnythingIsAllocated(int field, int value)
      throws IOException {
    fresh().close();
    patchLong(8, 4096);
    storage.write(field, ByteBuffer.allocate(4).putInt(0, value));
    refused(Kind.CORRUPT);
  }

  @ParameterizedTest
  @CsvSource({"24, -1", "24, 9223372036854775807", "40, 256", "40, 72057594037927936", "48, 1"})
  void rule25CraftedPlacesAreRefused(int field, long value) throws IOException {
    fresh().close();
    patchLong(field, value);
    refused(Kind.CORRUPT);
  }

  @Test
  void rule25ABombUnpacksToOneCluster() throws IOException {
    byte[] zeros = new byte[64 * MIB];
    byte[] packed = new byte[MIB];
    int length;
    try (ClusterCodec codec = ClusterCodec.of(false, zeros.length)) {
      length = codec.pack(zeros, packed, 9);
    }
    byte[] cluster = new byte[CLUSTER];
    try (ClusterCodec codec = ClusterCodec.of(false, CLUSTER)) {
      assertThat(codec.unpack(packed, length, cluster)).isTrue();
    }
  }
}
