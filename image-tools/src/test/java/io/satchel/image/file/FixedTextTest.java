package io.satchel.image.file;

import static org.assertj.core.api.Assertions.assertThat;

import io.satchel.image.fs.MemoryDisk;
import io.satchel.image.fs.Volume;
import io.satchel.image.partition.PartitionTable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** A label ends at its NUL, whatever lies behind that. */
class FixedTextTest {
  private static final String OVERWRITTEN = "new\0\nolder\nname";

  @Test
  void endsAtTheFirstNulOrWithTheField() {
    ByteBuffer b = ByteBuffer.wrap("xold\0rest\r\nof it".getBytes(StandardCharsets.UTF_8));
    assertThat(FixedText.get(b, 1, 15, StandardCharsets.UTF_8)).isEqualTo("old");
    assertThat(FixedText.get(b, 1, 2, StandardCharsets.UTF_8)).isEqualTo("ol");
    assertThat(FixedText.get(b, 4, 9, StandardCharsets.UTF_8)).isEmpty();
    assertThat(FixedText.get(b, 5, 8, StandardCharsets.UTF_8)).isEqualTo("rest\r\nof");
    assertThat(b.position()).isZero();
  }

  @Test
  void newlineBehindTheNulIsNoPartOfAVolumesLabel() throws IOException {
    ByteBuffer swap = ByteBuffer.allocate(16_384).order(ByteOrder.LITTLE_ENDIAN);
    swap.putInt(1028, 3);
    swap.put(1052, OVERWRITTEN.getBytes(StandardCharsets.UTF_8));
    swap.put(4086, "SWAPSPACE2".getBytes(StandardCharsets.US_ASCII));
    assertThat(Volume.at(new MemoryDisk(swap.array()), 0, 16_384))
        .extracting(Volume::label)
        .isEqualTo("new");
  }

  @Test
  void newlineBehindTheNulIsNoPartOfAPartitionsName() throws IOException {
    ByteBuffer gpt = ByteBuffer.allocate(65_536).order(ByteOrder.LITTLE_ENDIAN);
    gpt.put(446 + 4, (byte) 0xee).putInt(446 + 8, 1).putInt(446 + 12, 127);
    gpt.putShort(510, (short) 0xaa55);
    gpt.put(512, "EFI PART".getBytes(StandardCharsets.US_ASCII));
    gpt.putLong(512 + 72, 2).putInt(512 + 80, 1).putInt(512 + 84, 128);
    gpt.putLong(1024, 1).putLong(1024 + 32, 40).putLong(1024 + 40, 80);
    gpt.put(1024 + 56, OVERWRITTEN.getBytes(StandardCharsets.UTF_16LE));
    assertThat(PartitionTable.read(new MemoryDisk(gpt.array())).partitions())
        .singleElement()
        .extracting(PartitionTable.Partition::name)
        .isEqualTo("new");
  }
}
