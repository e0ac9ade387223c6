package io.satchel.vm.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.satchel.vm.device.Default;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class StateCodecTests {

  private enum Colour {
    RED,
    GREEN
  }

  private record Inner(int a, @Nullable String b) {}

  private record All(
      boolean flag,
      byte small,
      short medium,
      char letter,
      int number,
      long large,
      float single,
      double precise,
      String text,
      Colour colour,
      byte[] bytes,
      short[] shorts,
      int[] ints,
      long[] longs,
      boolean[] flags,
      Inner inner,
      List<Inner> list,
      Inner[] array,
      @Nullable Inner nothing) {}

  private record Before(int kept) {}

  private record After(
      int kept,
      @Default("0x10") long added,
      @Default("true") boolean on,
      @Default("GREEN") Colour colour,
      @Default("") int[] array,
      @Default("") List<Inner> list,
      @Default("null") @Nullable Inner inner,
      @Default("text") String text) {}

  private record Strict(int kept, int required) {}

  private record Narrow(byte value) {}

  private record Wide(long value) {}

  private record Holder(Before inner) {}

  private record HolderOfStrict(Strict inner) {}

  @Test
  void everyKindOfPlainDataComesBack() throws StateFormatException {
    All all =
        new All(
            true,
            (byte) -3,
            (short) -300,
            'x',
            -70_000,
            1L << 40,
            1.5f,
            Math.PI,
            "Grüße",
            Colour.GREEN,
            new byte[] {1, 2},
            new short[] {3, -4},
            new int[] {5, -6},
            new long[] {7, -8},
            new boolean[] {true, false},
            new Inner(9, null),
            List.of(new Inner(10, "ten"), new Inner(11, "eleven")),
            new Inner[] {new Inner(12, "")},
            null);
    byte[] bytes = StateCodec.encode(all);
    All back = StateCodec.decode(bytes, All.class, "test");
    assertThat(back).usingRecursiveComparison().isEqualTo(all);
    assertThat(StateCodec.encode(back)).isEqualTo(bytes);
  }

  @Test
  void aMissingComponentTakesItsDefault() throws StateFormatException {
    After after = StateCodec.decode(StateCodec.encode(new Before(7)), After.class, "pit");
    assertThat(after)
        .usingRecursiveComparison()
        .isEqualTo(new After(7, 16, true, Colour.GREEN, new int[0], List.of(), null, "text"));
  }

  @Test
  void aMissingComponentWithoutDefaultIsAnErrorThatNamesIt() {
    assertThatThrownBy(
            () -> StateCodec.decode(StateCodec.encode(new Before(7)), Strict.class, "pit"))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("pit.required");
  }

  @Test
  void anUnknownComponentIsAnErrorThatNamesDeviceAndField() {
    byte[] bytes = StateCodec.encode(new HolderOfStrict(new Strict(1, 2)));
    assertThatThrownBy(() -> StateCodec.decode(bytes, Holder.class, "uart0"))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("uart0.inner.required");
  }

  @Test
  void aNumberMayBecomeWiderAndMustFitWhenNarrower() throws StateFormatException {
    assertThat(StateCodec.decode(StateCodec.encode(new Narrow((byte) 5)), Wide.class, "x").value())
        .isEqualTo(5);
    assertThatThrownBy(() -> StateCodec.decode(StateCodec.encode(new Wide(500)), Narrow.class, "x"))
        .hasMessageContaining("x.value")
        .hasMessageContaining("500");
  }

  @Test
  void somethingElseIsNotTakenForAState() {
    assertThatThrownBy(() -> StateCodec.decode(new byte[20], Before.class, "rtc"))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("rtc");
  }

  @Test
  void whatIsNotPlainDataIsRefused() {
    record Odd(Object thing) {}
    assertThatThrownBy(() -> StateCodec.encode(new Odd(new StringBuilder())))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("StringBuilder");
  }

  @Test
  void damagedBytesAreAnErrorOrAStateAndNothingElse() {
    byte[] good =
        StateCodec.encode(
            new After(
                1,
                2,
                false,
                Colour.RED,
                new int[] {1, 2, 3},
                List.of(new Inner(1, "a")),
                null,
                "some text"));
    Random random = new Random(1);
    int refused = 0;
    for (int i = 0; i < 20_000; i++) {
      byte[] bad =
          Arrays.copyOf(good, random.nextInt(8) == 0 ? random.nextInt(good.length) : good.length);
      for (int j = random.nextInt(4); j >= 0 && bad.length > 0; j--) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt();
      }
      try {
        StateCodec.decode(bad, After.class, "fuzz");
      } catch (StateFormatException e) {
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(10_000);
  }
}
