// Operands of a segment's 16 positions: read at the entries that decoding gives, taken as 0 where
// the digit is, times the digit.
//
// Positions of code c work c mod 4 cycles later than those of code 0, as decoding does.
module rce_operand #(
  parameter int unsigned Slots = 4,
  localparam int unsigned TermsW = Slots * rce_pkg::TermW
) (
  input  logic                 clk_i,
  // Writes an operand of each position and slot.
  input  logic                 we_i,
  input  logic [4:0]           waddr_i,
  input  logic [16*Slots*8-1:0] wdata_i,   // [code][position][slot]
  // What decoding says; double and negate of the same cycle as zero.
  input  logic [16*5-1:0]      entry_i,   // [code][position]
  input  logic [16*2-1:0]      zero_i,    // [code][position][class]
  input  logic [16*2-1:0]      double_i,  // the same
  input  logic [15:0]          negate_i,  // [code][position]
  output logic [16*TermsW-1:0] term_o     // [code][position][slot], a cycle later
);
  logic [16*Slots*8-1:0] operand;
  lut_ram #(.Ports(16), .Width(8 * Slots)) u_operands (
    .clk_i, .we_i, .waddr_i, .wdata_i, .raddr_i(entry_i), .rdata_o(operand)
  );

  for (genvar p = 0; p < 16; p++) begin : gen_position
    logic [Slots*8-1:0] x_q;
    logic [1:0] double_q;
    logic negate_q;
    for (genvar h = 0; h < 2; h++) begin : gen_class
      always_ff @(posedge clk_i) begin
        if (zero_i[2*p+h]) x_q[Slots*4*h +: Slots*4] <= '0;
        else x_q[Slots*4*h +: Slots*4] <= operand[Slots*8*p+Slots*4*h +: Slots*4];
      end
    end
    always_ff @(posedge clk_i) begin
      double_q <= double_i[2*p +: 2];
      negate_q <= negate_i[p];
    end
    rce_shift_negate #(.Slots(Slots)) u_digit (
      .x_i(x_q), .double_i(double_q), .negate_i(negate_q), .term_o(term_o[TermsW*p +: TermsW])
    );
  end
endmodule
