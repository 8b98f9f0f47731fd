// Counts the zeros in front of the highest one. Combinational.
//
// In groups of four bits: a group knows whether it is empty and how many zeros it leads with, and
// the first group that is not empty decides.
module fp_leading_zeros #(
  parameter int unsigned Width = 24,
  localparam int unsigned CountW = $clog2(Width + 1)
) (
  input  logic [Width-1:0]  value_i,
  output logic [CountW-1:0] zeros_o  // of nothing but zeros: unspecified, at least Width
);
  localparam int unsigned Groups = (Width + 3) / 4;
  if (4 * Groups >= 2**CountW) $error("Width does not leave a count for zero");

  // The padding behind the last bit makes an empty value a full count.
  logic [4*Groups-1:0] padded;
  logic [Groups-1:0]   is_used;
  logic [1:0]          lead [Groups];
  assign padded = {value_i, {(4*Groups-Width){1'b0}}};
  for (genvar g = 0; g < Groups; g++) begin : gen_group
    logic [3:0] bits;
    assign bits       = padded[4*(Groups-1-g) +: 4];
    assign is_used[g] = bits != 4'd0;
    assign lead[g]    = {!bits[3] && !bits[2], !bits[3] && (bits[2] || !bits[1])};
  end
  always_comb begin
    zeros_o = CountW'(4 * Groups);
    for (int unsigned i = 0; i < Groups; i++) begin
      if (is_used[Groups-1-i]) begin
        zeros_o = CountW'(4 * (Groups - 1 - i)) | CountW'(lead[Groups-1-i]);
      end
    end
  end
endmodule
