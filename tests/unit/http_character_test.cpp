#include <string>

#include <gtest/gtest.h>

#include "core/http/character.h"

namespace gopher::http {
namespace {

TEST(HttpCharacter, AControlCharacterIsFoundWhereverItStands) {
  for (const char other : {' ', '~', '\x80', '\xff'}) {
    for (std::size_t size = 1; size < 20; ++size) {
      std::string text(size, other);
      EXPECT_EQ(find_control(text), size);
      for (std::size_t at = 0; at < size; ++at) {
        for (int byte = 0; byte < 256; ++byte) {
          text[at] = static_cast<char>(byte);
          const bool control = byte < 0x20 || byte == 0x7f;
          ASSERT_EQ(find_control(text), control ? at : size) << byte << " at " << at << " of " << size;
        }
        text[at] = other;
      }
    }
  }
}

TEST(HttpCharacter, TheFirstOfManyControlCharactersIsFound) {
  EXPECT_EQ(find_control("0123\r\n\x7f"), 4u);
  EXPECT_EQ(find_control("0123456789\x7f\t\r\n90"), 10u);
  EXPECT_EQ(find_control(""), 0u);
}

}  // namespace
}  // namespace gopher::http
