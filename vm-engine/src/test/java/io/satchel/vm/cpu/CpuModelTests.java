package io.satchel.vm.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.satchel.vm.cpu.CpuModel.Feature;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class CpuModelTests {

  private static List<String> names() {
    return CpuModel.names();
  }

  @ParameterizedTest
  @MethodSource("names")
  void aModelPromisesOnlyWhatIsImplemented(String name) {
    assertThat(CpuModel.IMPLEMENTED).containsAll(CpuModel.named(name).features());
  }

  // Feature bits as the parts give them, less what is not implemented.
  @ParameterizedTest
  @CsvSource({
    "486, 4, 0x00000003",
    "pentium, 5, 0x000003BF",
    "pentium-mmx, 5, 0x008003BF",
    "pentiumpro, 6, 0x0000FBFF",
    "pentium2, 6, 0x0183FBFF",
    "pentium3, 6, 0x0383FBFF",
    "pentium4, 15, 0x078BFBFF",
  })
  void theFeatureBitsAreThoseOfThePart(String name, int family, String bits) {
    CpuModel model = CpuModel.named(name);
    assertThat(model.family()).isEqualTo(family);
    assertThat(model.cpuid(1, 0).edx()).isEqualTo(Integer.decode(bits));
    assertThat(model.cpuid(1, 0).eax()).isEqualTo(model.signature());
  }

  @Test
  void anUnknownNameIsRefusedWithTheNamesThatThereAre() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CpuModel.named("z80"))
        .withMessageContaining("z80")
        .withMessageContaining("486, pentium");
  }

  @Test
  void aFeatureCanBeSwitchedOffAndOn() {
    CpuModel model = CpuModel.named("max").with(Feature.PAE, false);
    assertThat(model.has(Feature.PAE)).isFalse();
    assertThat(model.cpuid(1, 0).edx() & 1 << 6).isZero();
    assertThat(model.cr4Mask() & CpuState.CR4_PAE).isZero();
    assertThat(model.with(Feature.PAE, true).has(Feature.PAE)).isTrue();
  }

  @Test
  void aFeatureThatIsNotImplementedStaysOff() {
    for (Feature feature : Feature.values()) {
      assertThat(CpuModel.named("486").with(feature, true).has(feature))
          .isEqualTo(CpuModel.IMPLEMENTED.contains(feature));
    }
  }

  @Test
  void theHighestLeafCanBeLowered() {
    CpuModel model = CpuModel.named("max").withMaxLevel(1);
    assertThat(model.cpuid(0, 0).eax()).isEqualTo(1);
    assertThat(model.cpuid(7, 0)).isEqualTo(model.cpuid(1, 0));
  }

  @Test
  void theBrandStringIsSpelledInThreeLeaves() {
    CpuModel model = CpuModel.named("max");
    assertThat(model.cpuid(0x8000_0000, 0).eax()).isEqualTo(0x8000_0008);
    StringBuilder text = new StringBuilder();
    for (int leaf = 0x8000_0002; leaf <= 0x8000_0004; leaf++) {
      CpuModel.Leaf part = model.cpuid(leaf, 0);
      for (int register : new int[] {part.eax(), part.ebx(), part.ecx(), part.edx()}) {
        for (int shift = 0; shift < 32; shift += 8) {
          text.append((char) (register >>> shift & 0xFF));
        }
      }
    }
    assertThat(text).hasSize(48).startsWith("Satchel virtual processor\0");
  }

  @Test
  void aModelWithoutExtendedLeavesAnswersThemAsTheHighestBasicOne() {
    CpuModel model = CpuModel.named("pentium2");
    assertThat(model.cpuid(0x8000_0000, 0)).isEqualTo(model.cpuid(2, 0));
  }

  @Test
  void switchesBehindTheNameAreApplied() {
    CpuModel model = CpuModel.named("pentium3,-mmx,+nx,maxlevel=1");
    assertThat(model.has(Feature.MMX)).isFalse();
    assertThat(model.has(Feature.NX)).isTrue();
    assertThat(model.cpuid(0, 0).eax()).isEqualTo(1);
    assertThat(CpuModel.named("max,maxlevel=2").cpuid(0, 0).eax()).isEqualTo(2);
  }

  @ParameterizedTest
  @CsvSource({
    "'pentium3,+turbo', turbo",
    "'pentium3,mmx', switches nothing",
    "'pentium3,maxlevel=high', maxlevel="
  })
  void aSwitchThatIsNoneIsRefused(String name, String says) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CpuModel.named(name))
        .withMessageContaining(says);
  }

  @Test
  void aFeatureOfAHigherLeafRaisesTheHighestLeaf() {
    assertThat(CpuModel.named("pentium3,+smep").cpuid(0, 0).eax()).isEqualTo(7);
    assertThat(CpuModel.named("pentium3,+smep").cpuid(7, 0).ebx()).isEqualTo(1 << 7);
  }

  @Test
  void addressesHave40PhysicalAnd48LinearBitsInLongMode() {
    assertThat(CpuModel.named("x86-64-v1").cpuid(0x8000_0008, 0).eax()).isEqualTo(40 | 48 << 8);
  }
}
