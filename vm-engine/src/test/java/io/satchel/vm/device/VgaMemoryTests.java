package io.satchel.vm.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** The way from A0000h to the planes and back: IBM's reference, "Graphics Controller". */
final class VgaMemoryTests {

  private final VgaBench bench = new VgaBench();

  private int plane(int plane, int offset) {
    return bench.memory.read8(bench.vga.memoryOffset() + 4 * offset + plane);
  }

  private void planes(int offset, int p0, int p1, int p2, int p3) {
    bench.memory.put32(bench.vga.memoryOffset() + 4 * offset, p0 | p1 << 8 | p2 << 16 | p3 << 24);
  }

  @Test
  void everyWriteModeMatchesTheTruthTable() {
    bench.set(VgaBench.Mode.VGA_640X480);
    Random random = new Random(1);
    for (int round = 0; round < 20_000; round++) {
      int mapMask = random.nextInt(16);
      int setReset = random.nextInt(16);
      int enable = random.nextInt(16);
      int rotate = random.nextInt(8);
      int function = random.nextInt(4);
      int mode = random.nextInt(4);
      int bitMask = random.nextInt(256);
      int data = random.nextInt(256);
      int[] latch = {
        random.nextInt(256), random.nextInt(256), random.nextInt(256), random.nextInt(256)
      };
      int[] old = {
        random.nextInt(256), random.nextInt(256), random.nextInt(256), random.nextInt(256)
      };
      planes(100, latch[0], latch[1], latch[2], latch[3]);
      planes(200, old[0], old[1], old[2], old[3]);
      bench.graphics(5, mode);
      bench.graphics(0, setReset);
      bench.graphics(1, enable);
      bench.graphics(3, function << 3 | rotate);
      bench.graphics(8, bitMask);
      bench.sequencer(2, mapMask);
      bench.peek(0xA0000 + 100, 1);

      bench.poke(0xA0000 + 200, 1, data);

      for (int plane = 0; plane < 4; plane++) {
        boolean selected = (mapMask >>> plane & 1) != 0;
        int wanted = old[plane];
        if (selected) {
          wanted = 0;
          for (int bit = 0; bit < 8; bit++) {
            int rotated = data >>> (bit + rotate) % 8 & 1;
            int latched = latch[plane] >>> bit & 1;
            int mask = bitMask >>> bit & 1;
            int source;
            switch (mode) {
              case 0 -> source = (enable >>> plane & 1) != 0 ? setReset >>> plane & 1 : rotated;
              case 2 -> source = data >>> plane & 1;
              default -> {
                source = setReset >>> plane & 1;
                mask &= rotated;
              }
            }
            int result =
                switch (function) {
                  case 0 -> source;
                  case 1 -> source & latched;
                  case 2 -> source | latched;
                  default -> source ^ latched;
                };
            int stored = mode == 1 ? latched : mask != 0 ? result : latched;
            wanted |= stored << bit;
          }
        }
        assertThat(plane(plane, 200))
            .as("round %d, write mode %d, plane %d", round, mode, plane)
            .isEqualTo(wanted);
      }
    }
  }

  @Test
  void readModeZeroReadsThePlaneOfReadMapSelect() {
    bench.set(VgaBench.Mode.VGA_640X480);
    planes(7, 0x11, 0x22, 0x33, 0x44);
    for (int plane = 0; plane < 4; plane++) {
      bench.graphics(4, plane);
      assertThat(bench.peek(0xA0007, 1)).isEqualTo(0x11 * (plane + 1));
    }
  }

  @Test
  void readModeOneComparesTheColorsOfThePlanesThatCare() {
    bench.set(VgaBench.Mode.VGA_640X480);
    // Pixels of the colours 0 to 7, from the left.
    planes(0, 0b01010101, 0b00110011, 0b00001111, 0);
    bench.graphics(5, 8);
    for (int color = 0; color < 8; color++) {
      bench.graphics(2, color);
      bench.graphics(7, 0xF);
      assertThat(bench.peek(0xA0000, 1)).isEqualTo(0x80 >>> color);
    }
    bench.graphics(2, 1);
    bench.graphics(7, 1);
    assertThat(bench.peek(0xA0000, 1)).isEqualTo(0b01010101);
    bench.graphics(7, 0);
    assertThat(bench.peek(0xA0000, 1)).isEqualTo(0xFF);
  }

  @Test
  void theLatchesCanBeReadAtCrtc22() {
    bench.set(VgaBench.Mode.VGA_640X480);
    planes(3, 1, 2, 3, 4);
    bench.peek(0xA0003, 1);
    bench.graphics(4, 2);
    assertThat(bench.cr(0x22)).isEqualTo(3);
  }

  @Test
  void wideAccessesAreBytesInOrder() {
    bench.set(VgaBench.Mode.VGA_640X480);
    bench.poke(0xA0000, 4, 0x44332211);
    assertThat(plane(0, 0)).isEqualTo(0x11);
    assertThat(plane(3, 3)).isEqualTo(0x44);
    assertThat(bench.peek(0xA0000, 4)).isEqualTo(0x44332211);
    assertThat(bench.peek(0xA0001, 2)).isEqualTo(0x3322);
  }

  @Test
  void oddEvenPutsCharactersInPlane0AndAttributesInPlane1() {
    bench.set(VgaBench.Mode.TEXT_80X25);
    bench.poke(0xB8000, 4, 0x1F421E41);
    assertThat(plane(0, 0)).isEqualTo(0x41);
    assertThat(plane(1, 0)).isEqualTo(0x1E);
    assertThat(plane(0, 2)).isEqualTo(0x42);
    assertThat(plane(1, 2)).isEqualTo(0x1F);
    assertThat(bench.peek(0xB8000, 4)).isEqualTo(0x1F421E41);
  }

  @Test
  void chain4IsPlainMemoryAndTheFrameBufferIsTheSame() {
    bench.set(VgaBench.Mode.VGA_320X200X256);
    assertThat(bench.addresses.writeEntry(0xA0)).isNotNegative();
    bench.poke(0xA0000, 4, 0x04030201);
    assertThat(bench.peek(VgaBench.LFB, 4)).isEqualTo(0x04030201);
    assertThat(plane(2, 0)).isEqualTo(3);
  }

  @Test
  void chain4WithAMapMaskOrLogicGoesThroughThePipeline() {
    bench.set(VgaBench.Mode.VGA_320X200X256);
    bench.sequencer(2, 0b0101);
    bench.poke(0xA0000, 4, 0x04030201);
    assertThat(bench.peek(0xA0000, 4)).isEqualTo(0x00030001);
    bench.sequencer(2, 0xF);
    bench.graphics(8, 0x0F);
    bench.peek(0xA0000, 1);
    bench.poke(0xA0000, 1, 0xFF);
    assertThat(bench.peek(0xA0000, 1)).isEqualTo(0x0F);
  }

  @Test
  void theWindowLiesWhereMemoryMapSelectSays() {
    bench.set(VgaBench.Mode.VGA_640X480);
    int[] first = {0xA0, 0xA0, 0xB0, 0xB8};
    int[] last = {0xBF, 0xAF, 0xB7, 0xBF};
    for (int range = 0; range < 4; range++) {
      bench.graphics(6, range << 2 | 1);
      for (int page = 0xA0; page <= 0xBF; page++) {
        boolean inside = page >= first[range] && page <= last[range];
        assertThat(bench.addresses.readEntry(page) != -1)
            .as("range %d, page %x", range, page)
            .isEqualTo(inside);
      }
    }
    bench.out(0x3C2, bench.in(0x3CC) & ~2);
    assertThat(bench.peek(0xB8000, 4)).as("RAM enable is off").isEqualTo(-1);
  }
}
