// Data Stages enabled cycles later, and nothing clears it: what comes first may be any. Of four to
// 17 stages all but the last are a shift register in LUTs, one a bit; the last is a register, as
// LUTs are slow to give their outputs.
module delay_data #(
  parameter int unsigned Width = 8,
  parameter int unsigned Stages = 4
) (
  input  logic             clk_i,
  input  logic             en_i,
  input  logic [Width-1:0] data_i,
  output logic [Width-1:0] data_o
);
`ifdef ACCLLM_PRIMITIVES
  localparam bit UseShift = Stages >= 4 && Stages <= 17;
`else
  localparam bit UseShift = 1'b0;
`endif
  if (Stages == 0) begin : gen_wires
    logic unused;
    assign unused = ^{clk_i, en_i};
    assign data_o = data_i;
  end else if (UseShift) begin : gen_shift
    localparam logic [3:0] Last = 4'(Stages - 2);
    logic [Width-1:0] shifted;
    for (genvar i = 0; i < Width; i++) begin : gen_bit
      SRL16E u_shift (
        .CLK(clk_i), .CE(en_i), .D(data_i[i]), .A0(Last[0]), .A1(Last[1]), .A2(Last[2]),
        .A3(Last[3]), .Q(shifted[i])
      );
    end
    always_ff @(posedge clk_i) begin
      if (en_i) data_o <= shifted;
    end
  end else begin : gen_stages
    logic [Width-1:0] data_q [Stages];
    always_ff @(posedge clk_i) begin
      if (en_i) begin
        for (int unsigned i = 0; i < Stages; i++) data_q[i] <= i == 0 ? data_i : data_q[i-1];
      end
    end
    assign data_o = data_q[Stages-1];
  end
endmodule
