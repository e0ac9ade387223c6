package io.satchel.vm.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SnapshotStreamTests {
  private static final int PAGES = 1024;
  private static final MachineShape SHAPE =
      new MachineShape(4, PAGES, "pentium3", 1, List.of("pic", "disk0"));
  private static final byte[] PICTURE = {1, 2, 3};

  /** Zeros, random pages, text that packs, and pages that are like others. */
  private static GuestMemory memory() {
    GuestMemory memory = new GuestMemory(PAGES << 12, 0);
    Random random = new Random(1);
    byte[] page = new byte[4096];
    for (int n = 0; n < PAGES; n++) {
      switch (random.nextInt(4)) {
        case 0 -> random.nextBytes(page);
        case 1 -> Arrays.fill(page, (byte) random.nextInt(20));
        case 2 -> {
          // The page before once more.
        }
        default -> Arrays.fill(page, (byte) 0);
      }
      memory.write(n << 12, page, 0, 4096);
    }
    return memory;
  }

  private static byte[] saved(GuestMemory memory) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    SnapshotWriter writer =
        new SnapshotWriter(
            piece -> {
              byte[] copy = new byte[piece.remaining()];
              piece.get(copy);
              bytes.writeBytes(copy);
            });
    writer.begin(
        SHAPE,
        PICTURE,
        new MachineState(77, List.of(), new MachineState.Turns(0, List.of()), List.of()));
    assertThat(writer.memory(new AddressMap(memory).freeze(), () -> true)).isTrue();
    return bytes.toByteArray();
  }

  private record Bytes(byte[] content) implements SnapshotReader.Source {
    @Override
    public long size() {
      return content.length;
    }

    @Override
    public void read(long offset, ByteBuffer target) {
      Objects.checkFromIndexSize(offset, target.remaining(), content.length);
      target.put(content, (int) offset, target.remaining());
    }
  }

  @Test
  void whatIsReadIsWhatWasWritten() throws Exception {
    GuestMemory memory = memory();
    byte[] stream = saved(memory);
    SnapshotReader reader = SnapshotReader.open(new Bytes(stream));
    assertThat(reader.shape()).isEqualTo(SHAPE);
    assertThat(reader.state().clockNanos()).isEqualTo(77);
    assertThat(SnapshotReader.picture(new Bytes(stream))).isEqualTo(PICTURE);
    GuestMemory other = new GuestMemory(PAGES << 12, 0);
    byte[] junk = new byte[PAGES << 12];
    new Random(2).nextBytes(junk);
    other.write(0, junk, 0, junk.length);
    reader.checkMemory(PAGES).load(other);
    assertThat(Arrays.equals(other.bytes(), memory.bytes())).isTrue();
  }

  @Test
  void zerosAndDuplicatesTakeNoRoom() throws Exception {
    GuestMemory memory = new GuestMemory(PAGES << 12, 0);
    byte[] page = new byte[4096];
    new Random(1).nextBytes(page);
    for (int n = 0; n < PAGES / 2; n++) {
      memory.write(n << 12, page, 0, 4096);
    }
    assertThat(saved(memory).length).isLessThan(4096 + PAGES / 2 * 8 + 600);
  }

  @Test
  void thePictureIsReadWithoutTheRest() throws Exception {
    byte[] stream = saved(memory());
    byte[] beginning = Arrays.copyOf(stream, 2000);
    assertThat(SnapshotReader.picture(new Bytes(beginning))).isEqualTo(PICTURE);
  }

  @Test
  void aStreamThatIsCutAnywhereIsRefused() throws Exception {
    byte[] stream = saved(memory());
    Random random = new Random(3);
    for (int i = 0; i < 200; i++) {
      byte[] cut = Arrays.copyOf(stream, i < 60 ? i : random.nextInt(stream.length));
      assertThatThrownBy(() -> readAll(cut)).isInstanceOf(StateFormatException.class);
    }
  }

  @Test
  void aStreamThatHasChangedAnywhereIsRefused() throws Exception {
    byte[] stream = saved(memory());
    Random random = new Random(4);
    for (int i = 0; i < 300; i++) {
      byte[] changed = stream.clone();
      int at = i < 100 ? i : random.nextInt(stream.length);
      changed[at] ^= (byte) (1 << random.nextInt(8));
      assertThatThrownBy(() -> readAll(changed))
          .as("byte %d", at)
          .isInstanceOf(StateFormatException.class);
    }
  }

  @Test
  void aStreamOfAnotherProgramIsRefusedInASentence() {
    byte[] other = "QEVM and what follows it".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    assertThatThrownBy(() -> readAll(other))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("was not saved by Satchel");
  }

  private static void readAll(byte[] stream) throws IOException {
    SnapshotReader reader = SnapshotReader.open(new Bytes(stream));
    reader.shape();
    reader.state();
    SnapshotReader.picture(new Bytes(stream));
    reader.checkMemory(PAGES);
  }

  @Test
  void aMisfitIsToldInWords() {
    assertThat(SHAPE.difference(SHAPE)).isEmpty();
    assertThat(SHAPE.difference(new MachineShape(8, PAGES, "pentium3", 1, SHAPE.devices())))
        .isEqualTo("it was saved with 4 MiB of memory and this machine has 8 MiB");
    assertThat(SHAPE.difference(new MachineShape(4, PAGES, "486", 1, SHAPE.devices())))
        .isEqualTo("it was saved with a pentium3 processor and this machine has a 486");
    assertThat(SHAPE.difference(new MachineShape(4, PAGES, "pentium3", 1, List.of("pic"))))
        .isEqualTo("it was saved with disk0, which this machine lacks");
    assertThat(
            SHAPE.difference(
                new MachineShape(4, PAGES, "pentium3", 1, List.of("pic", "disk0", "cd2"))))
        .isEqualTo("it was saved without cd2, which this machine has");
  }
}
